// `tests/bench view [--json FILE] [--seconds N] [--cameras N] [--events N] [--profile FILE]`: the desk under load in a real browser against a
// real hub. Gateways declare the cameras, which get their places through the registry; others bring the events, which
// thirty cameras see. Measured are the time between two pictures, from a key or a click to the picture that shows its
// effect (the browser's own Event Timing), and from an event's making to the picture with the list that holds it.
// `--profile` writes the processor's profile of the page too (Chrome's DevTools open it), and tells what took most of it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { binary, openBrowser, openDesk, openHub, showEvents, until } from './support.mjs';

const { values } = parseArgs({ options: {
  json: { type: 'string' }, seconds: { type: 'string', default: '30' }, cameras: { type: 'string', default: '10000' }, events: { type: 'string', default: '500' },
  profile: { type: 'string' },
} });
const [seconds, cameras, events] = [values.seconds, values.cameras, values.events].map(Number);
/** A gateway declares 1024 cameras at most. */
const CAMERAS_EACH = 1000;
const FEEDERS = 10;
/** Requests at once while cameras get their places. */
const LANES = 6;
/** Each second event of a feeder has its end sent with the next. */
const EVENTS_A_ROUND = 1.5;

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
  for (let i = 0; i < FEEDERS; i += 1) {
    const every = Math.round((1000 * FEEDERS * EVENTS_A_ROUND) / events);
    start('yiwang-feeder', '--hub', quic, '--token', token(`d${i}`), '--name', `feeder-${i}`, '--at', `${120.1 + i * 0.01},30.2`, '--every-ms', String(every));
  }
});
try {
  const figures = await measure();
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(24)} ${value}`);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(figures)}\n`);
} finally {
  await browser.close();
  hub.stop();
}

async function measure() {
  const opened = await openDesk(browser, hub, { hash: '#/admin', motion: 'no-preference' });
  await place(opened.page);
  await opened.page.evaluate(() => { location.hash = '#/'; });
  await opened.page.locator('#panel-queue').waitFor();
  await opened.page.reload();
  const { page } = opened;
  await showEvents(page);
  await page.locator('[role=option]').first().waitFor();
  await until('the map has the cameras', () => page.evaluate(() => (window.__yiwang?.map.querySourceFeatures?.('cameras').length ?? 0) > 0), 120_000);
  await page.evaluate(watch);
  const profiler = values.profile ? await profile(page) : null;
  const begun = Date.now();
  const first = await page.evaluate(() => window.__bench.count());
  await page.waitForTimeout(seconds * 500);
  // Half of the time somebody works: through the list, into a search and out again, over the map's buttons.
  while (Date.now() - begun < seconds * 1000) {
    for (const key of ['j', 'j', 'k', 'Escape']) await page.keyboard.press(key);
    await page.keyboard.press('/');
    await page.keyboard.type('gate');
    await page.locator('#queue-search').fill('');
    await page.keyboard.press('Escape');
  }
  const figures = await page.evaluate(([first, ms]) => window.__bench.figures(first, ms), [first, Date.now() - begun]);
  await profiler?.end(values.profile);
  return figures;
}

/** What takes the page's main thread: each function's own time, as a share of the whole. */
async function profile(page) {
  const session = await page.context().newCDPSession(page);
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

/** Runs in the page: what it sees is what a person could see. */
function watch() {
  const frames = [];
  const inputs = [];
  const rows = [];
  let last = performance.now();
  const frame = (now) => {
    frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.interactionId) inputs.push(entry.duration);
  }).observe({ type: 'event', durationThreshold: 16, buffered: false });
  // An event's id is a UUID of version 7: its first 48 bits are when it was made, by this machine's clock.
  const madeMs = (id) => parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  const waiting = [];
  let came = 0;
  let pictures = 0;
  window.__yiwang.map.on('render', () => (pictures += 1));
  const source = new EventSource('/api/v1/feed?since=now');
  source.addEventListener('event', (message) => {
    came += 1;
    const { data } = JSON.parse(message.data);
    if (data.phase === 'begin' && !data.backfilled) waiting.push(madeMs(data.id));
  });
  // While the list follows, what is as old as its first row or older is in it once that row is.
  const check = () => {
    const first = document.querySelector('#queue-list [role=option][aria-posinset="1"]');
    if (first && !document.querySelector('[data-test=held]')) {
      const newest = madeMs(first.dataset.key);
      const now = Date.now();
      for (let i = waiting.length - 1; i >= 0; i -= 1) if (waiting[i] <= newest) rows.push(now - waiting.splice(i, 1)[0]);
    } else waiting.length = 0;
    requestAnimationFrame(check);
  };
  requestAnimationFrame(check);
  const quantile = (list, q) => Number((list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))] ?? NaN).toFixed(1));
  window.__bench = {
    count: () => came,
    figures: async (firstCame, ms) => ({
      frame_ms_p95: quantile(frames, 0.95), frame_ms_p50: quantile(frames, 0.5), interaction_ms_p95: quantile(inputs, 0.95), interactions: inputs.length,
      event_to_row_ms_p99: quantile(rows, 0.99), event_to_row_ms_p50: quantile(rows, 0.5), rows: rows.length, map_pictures_per_s: Number(((pictures * 1000) / ms).toFixed(2)), events_per_s: Math.round(((came - firstCame) * 1000) / ms),
      cameras: (await (await fetch('/api/v1/registry')).json()).cameras.filter(({ position }) => position).length,
    }),
  };
}
