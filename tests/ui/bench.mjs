// `tests/bench view [--json FILE] [--seconds N | --minutes N] [--cameras N] [--events N] [--search-events N] [--profile FILE]`:
// the desk under load in a real browser against a real hub, with incidents and then with events, so many seconds each. Gateways declare the
// cameras, which get their places through the registry; others bring the events, which thirty cameras see. Measured are the
// time between two pictures, from a key or a click to the picture that shows its effect (the browser's own Event Timing), and
// from the making of an event, or the hub's change of an incident, to the picture with the row that shows it; the figures
// without a mode are the worse of both. What the page and the hub hold in memory is looked at again and again: told are the
// begin, the end, and how much it grows an hour by the second half of each mode; `--minutes 30` takes half an hour, a half
// of it for each mode. A search is measured over `--search-events` events (ten million where it is left
// out; 0 leaves the search out), as `tests/bench search` does.
// What the page's main thread and the hub had of one core is told beside: on a machine that others use too it says what the
// times between pictures would be without them.
// `--profile` writes the processor's profile of the page too (Chrome's DevTools open it), and tells what took most of it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { keepPriority, processorMs, quantile, slopePerHour } from './measure.mjs';
import { binary, openBrowser, openDesk, openHub, showEvents, until } from './support.mjs';

const { values } = parseArgs({ options: {
  json: { type: 'string' }, seconds: { type: 'string', default: '30' }, minutes: { type: 'string' }, cameras: { type: 'string', default: '10000' }, events: { type: 'string', default: '500' },
  profile: { type: 'string' }, 'search-events': { type: 'string', default: '10000000' },
} });
const [cameras, events, searched] = [values.cameras, values.events, values['search-events']].map(Number);
/** Of each mode. */
const seconds = values.minutes ? Number(values.minutes) * 30 : Number(values.seconds);
/** A gateway declares 1024 cameras at most. */
const CAMERAS_EACH = 1000;
const FEEDERS = 10;
/** Requests at once while cameras get their places. */
const LANES = 6;
/** Each fourth event of a feeder has an end, which is sent with a later one. */
const EVENTS_A_ROUND = 1.25;
/** How often what is held in memory is looked at. */
const MEMORY_MS = Math.max(5000, seconds * 20);

// As the hub's unit sets it.
process.env.MALLOC_ARENA_MAX ??= '2';
let feed;
const browser = await openBrowser();
const hub = await openHub(browser, ({ quic, data, start, token }) => {
  for (let i = 0; i * CAMERAS_EACH < cameras; i += 1) {
    const folder = join(data, `bench-${i}`);
    mkdirSync(folder);
    const lines = join(folder, 'lines.ndjson');
    const names = Array.from({ length: Math.min(CAMERAS_EACH, cameras - i * CAMERAS_EACH) }, (_, n) => `c${i * CAMERAS_EACH + n}`);
    writeFileSync(lines, names.map((camera) => JSON.stringify({
      id: '', cause: null, gateway: '', camera, rule: '', kind: '', phase: '', captured_us: 0, direction: null, track: null, class: null, point: null,
    })).join('\n'));
    execFileSync(binary('yiwang-gateway'), ['join', quic, token('bench'), '--config', join(folder, 'none.toml'), '--state-dir', folder, '--name', `bench-${i}`], { stdio: ['ignore', 'ignore', 'inherit'] });
    start('yiwang-emit', '--state', folder, '--record', join(folder, 'record'), '--events', lines, '--rate', '0');
  }
  // Once the cameras have their places: each place is a change of the registry, which the hub reads again with its next events.
  feed = () => {
    for (let i = 0; i < FEEDERS; i += 1) {
      const every = Math.round((1000 * FEEDERS * EVENTS_A_ROUND) / events);
      start('yiwang-feeder', '--hub', quic, '--token', token(`d${i}`), '--name', `feeder-${i}`, '--at', `${120.1 + i * 0.01},30.2`, '--every-ms', String(every));
    }
  };
});
const figures = {};
try {
  Object.assign(figures, await measure());
} finally {
  await browser.close();
  hub.stop();
}
// After the page has gone, so that one does not slow the other.
if (searched > 0) Object.assign(figures, search());
for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(34)} ${value}`);
if (values.json) writeFileSync(values.json, `${JSON.stringify(figures)}\n`);

async function measure() {
  const opened = await openDesk(browser, hub, { hash: '#/admin', motion: 'no-preference' });
  await place(opened.page);
  feed();
  await opened.page.evaluate(() => { location.hash = '#/'; });
  await opened.page.locator('#panel-queue').waitFor();
  // The page's own feeds are listened to: a second line would make the page read everything twice.
  await opened.context.addInitScript(overhear);
  await opened.page.reload();
  const { page } = opened;
  await page.locator('[role=option]').first().waitFor();
  await until('the map has the cameras', () => page.evaluate(() => (window.__yiwang?.map.querySourceFeatures?.('cameras').length ?? 0) > 0), 120_000);
  await page.evaluate(watch);
  const session = await page.context().newCDPSession(page);
  const profiler = values.profile ? await profile(session) : null;
  keepPriority();
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const before = await memory(session);
  const of = { incidents: await worked(page, session, 'incidents'), events: await worked(page, session, 'events') };
  await profiler?.end(values.profile);
  const after = await memory(session);
  const worse = Object.fromEntries(['frame_ms_p95', 'interaction_ms_p95', 'event_to_row_ms_p99'].map((name) => [name, Math.max(...Object.values(of).map((all) => all[name]).filter(Number.isFinite))]));
  const named = Object.entries(of).flatMap(([mode, all]) => Object.entries(all).map(([name, value]) => [`${mode}_${name}`, value]));
  const placed = await page.evaluate(async () => (await (await fetch('/api/v1/registry')).json()).cameras.filter(({ position }) => position).length);
  return { ...worse, ...Object.fromEntries(named), page_mib_begin: before.page, page_mib_end: after.page, hub_mib_begin: before.hub, hub_mib_end: after.hub, cameras: placed };
}

/** One mode for so many seconds; half of the time somebody works: through the list, into a search and out again. */
async function worked(page, session, mode) {
  if (mode === 'events') await showEvents(page);
  // The newest first: there most changes are.
  else await page.locator('#queue-filters select').last().selectOption('newest');
  await page.locator('[role=option]').first().waitFor();
  await page.evaluate((mode) => window.__bench.begin(mode), mode);
  const begun = Date.now();
  const usedBefore = await used(session);
  const held = [];
  const look = async () => {
    if (Date.now() - begun <= held.length * MEMORY_MS) return;
    // Taking the rubbish away holds the page up, which is nothing of the product's.
    await page.evaluate(() => window.__bench.pause());
    held.push({ ms: Date.now() - begun, ...(await memory(session)) });
    await page.evaluate(() => window.__bench.go());
  };
  while (Date.now() - begun < seconds * 500) {
    await look();
    await page.waitForTimeout(1000);
  }
  while (Date.now() - begun < seconds * 1000) {
    await look();
    for (const key of ['j', 'j', 'k', 'Escape']) await page.keyboard.press(key);
    await page.keyboard.press('/');
    await page.keyboard.type('gate');
    await page.locator('#queue-search').fill('');
    await page.keyboard.press('Escape');
  }
  const seen = await page.evaluate((ms) => window.__bench.figures(ms), Date.now() - begun);
  const [lastedMs, usedAfter] = [Date.now() - begun, await used(session)];
  const share = Object.fromEntries(Object.entries(usedAfter).map(([name, ms]) => [`${name}_core_share`, Number(((ms - usedBefore[name]) / lastedMs).toFixed(2))]));
  const settled = held.filter(({ ms }) => ms > seconds * 500);
  // Of too few looks none is told.
  const grows = Object.fromEntries(['page', 'hub'].map((name) => [`${name}_mib_per_h`, slopePerHour(settled.map((one) => [one.ms, one[name]]))]).filter(([, mib]) => Number.isFinite(mib)));
  for (const { ms, page, hub } of held) console.error(`${mode} ${Math.round(ms / 1000)} s: page ${page} MiB, hub ${hub} MiB`);
  return { frame_ms_p95: quantile(seen.frames, 0.95), frame_ms_p50: quantile(seen.frames, 0.5), interaction_ms_p95: quantile(seen.inputs, 0.95), interactions: seen.inputs.length,
    event_to_row_ms_p99: quantile(seen.rows, 0.99), event_to_row_ms_p50: quantile(seen.rows, 0.5), rows: seen.rows.length,
    map_pictures_per_s: seen.map_pictures_per_s, messages_per_s: seen.messages_per_s, ...share, ...grows };
}

/** What the page's main thread and the hub have had of the processor, ms. */
async function used(session) {
  const { metrics } = await session.send('Performance.getMetrics');
  const tasks = metrics.find(({ name }) => name === 'TaskDuration');
  return { page: tasks.value * 1000, hub: hub.pid ? processorMs(hub.pid) : NaN };
}

/** What the page holds after its rubbish was taken away, and what the hub's process holds, MiB. */
async function memory(session) {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const status = hub.pid ? readFileSync(`/proc/${hub.pid}/status`, 'utf8') : '';
  return { page: Math.round(usedSize / 2 ** 20), hub: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1024) };
}

function search() {
  const folder = mkdtempSync(join(tmpdir(), 'yiwang-search-'));
  try {
    const file = join(folder, 'figures.json');
    execFileSync(binary('yiwang-bench'), ['search', '--events', String(searched), '--json', file], { stdio: ['ignore', 'ignore', 'inherit'] });
    const { search_10m_ms_p99, search_events } = JSON.parse(readFileSync(file, 'utf8'));
    return { search_10m_ms_p99, search_events };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What takes the page's main thread: each function's own time, as a share of the whole. */
async function profile(session) {
  await session.send('Profiler.enable');
  await session.send('Profiler.setSamplingInterval', { interval: 500 });
  await session.send('Profiler.start');
  return {
    end: async (file) => {
      const { profile } = await session.send('Profiler.stop');
      writeFileSync(file, JSON.stringify(profile));
      const own = new Map();
      const byId = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
      profile.samples.forEach((id, i) => {
        const { functionName, url, lineNumber } = byId.get(id);
        const name = `${functionName || '(anonymous)'} ${url.split('/').at(-1)}:${lineNumber + 1}`;
        own.set(name, (own.get(name) ?? 0) + profile.timeDeltas[i]);
      });
      const all = profile.endTime - profile.startTime;
      for (const [name, us] of [...own].sort((a, b) => b[1] - a[1]).slice(0, 30)) console.error(`${((100 * us) / all).toFixed(1).padStart(5)} %  ${name}`);
    },
  };
}

/** Puts the cameras on a grid of a city, as an administrator may by hand. */
async function place(page) {
  const count = await until('all cameras are declared', async () => {
    const ids = await page.evaluate(async () => (await (await fetch('/api/v1/cameras')).json()).cameras.filter(({ position }) => !position).map(({ id }) => id));
    return ids.length >= cameras && ids;
  }, 120_000).then((ids) => page.evaluate(async ([ids, lanes]) => {
    const side = Math.ceil(Math.sqrt(ids.length));
    let at = 0;
    let placed = 0;
    await Promise.all(Array.from({ length: lanes }, async () => {
      while (at < ids.length) {
        const i = at++;
        const position = [120.1 + 0.2 * ((i % side) / side), 30.2 + 0.15 * (Math.floor(i / side) / side)];
        const answer = await fetch(`/api/v1/registry/${ids[i].split('/').map(encodeURIComponent).join('/')}`, {
          method: 'PUT', headers: { 'content-type': 'application/json', 'x-yiwang': '1' }, body: JSON.stringify({ position, heading_deg: (i * 37) % 360, field_of_view_deg: 60 }),
        });
        if (answer.ok) placed += 1;
      }
    }));
    return placed;
  }, [ids, LANES]));
  console.error(`${count} cameras are placed`);
}

/** Runs in the page before it: what the page's own feeds bring is heard on the way, and not read twice. */
function overhear() {
  const listen = EventSource.prototype.addEventListener;
  EventSource.prototype.addEventListener = function (name, handler, ...rest) {
    if (name !== 'event' && name !== 'incident') return listen.call(this, name, handler, ...rest);
    return listen.call(this, name, (message) => {
      window.__bench?.heard(name, message.data);
      handler(message);
    }, ...rest);
  };
}

/** Runs in the page: what it sees is what a person could see. */
function watch() {
  let frames = [];
  let inputs = [];
  let rows = [];
  let waiting = [];
  let came = 0;
  let pictures = 0;
  let mode = 'incidents';
  let paused = false;
  let last = performance.now();
  const frame = (now) => {
    if (!paused && now > last) frames.push(now - last);
    last = Math.max(now, last);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.interactionId && !paused) inputs.push(entry.duration);
  }).observe({ type: 'event', durationThreshold: 16, buffered: false });
  // An event's id is a UUID of version 7: its first 48 bits are when it was made, by this machine's clock.
  const madeMs = (id) => parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  const field = (text, name) => new RegExp(`"${name}":"?([^",}]+)`).exec(text)?.[1] ?? '';
  window.__yiwang.map.on('render', () => (pictures += 1));
  const heard = {
    event: (text) => {
      if (text.includes('"phase":"begin"') && text.includes('"backfilled":false')) waiting.push({ order: madeMs(field(text, 'id')), madeMs: madeMs(field(text, 'id')) });
    },
    // Each change, of whatever age the incident is: in a flood most of what comes makes an incident grow.
    incident: (text) => waiting.push({ id: field(text, 'id'), order: Number(field(text, 'change')), madeMs: Date.parse(field(text, 'updated')) }),
  };
  // While the list follows, an event that is as old as its first row or older is in it once that row is; an incident's row
  // tells which change it shows, and what is not on the screen is not timed.
  const check = () => {
    const shown = document.querySelectorAll('#queue-list [role=option]');
    const changes = new Map([...shown].map(({ dataset }) => [dataset.key, Number(dataset.change)]));
    const first = document.querySelector('#queue-list [role=option][aria-posinset="1"]');
    const newest = mode === 'events' && first ? madeMs(first.dataset.key) : 0;
    const now = Date.now();
    // A list that is held or searched shows no row of what comes: it is not timed.
    if (paused || document.querySelector('[data-test=held]') || document.querySelector('#queue-search').value) waiting = [];
    waiting = waiting.filter(({ id, order, madeMs }) => {
      const there = mode === 'events' ? order <= newest : changes.get(id) >= order;
      if (there) rows.push(now - madeMs);
      return !there && (mode === 'events' || changes.has(id));
    });
    requestAnimationFrame(check);
  };
  requestAnimationFrame(check);
  window.__bench = {
    heard: (name, text) => {
      if ((name === 'event') !== (mode === 'events')) return;
      came += 1;
      heard[name](text);
    },
    pause: () => (paused = true),
    // What had waited in the pause is there with the next picture: only what comes after that is timed again.
    go: () => requestAnimationFrame(() => setTimeout(() => {
      [paused, waiting, last] = [false, [], performance.now()];
    }, 500)),
    begin: (next) => {
      [frames, inputs, rows, waiting, came, pictures, mode] = [[], [], [], [], 0, 0, next];
    },
    figures: (ms) => ({ frames, inputs, rows, map_pictures_per_s: Number(((pictures * 1000) / ms).toFixed(2)), messages_per_s: Math.round((came * 1000) / ms) }),
  };
}
