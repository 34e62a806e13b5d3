// The closed loop in real browsers against a real hub: accounts made in the page, two people at once, conflicts, a shift
// by keyboard alone, and nothing for axe to find with everything populated.
import assert from 'node:assert/strict';
import { after, before, describe, test as plain } from 'node:test';
import { AXE, DESK, PHONE, clean, missing, openBrowser, openDesk, openHub, until } from './support.mjs';

const reason = missing();
const WAITING = 'state=new,cleared_unacknowledged&order=urgent&limit=50';

describe('work on incidents', { skip: reason ?? false }, () => {
  let browser;
  let hub;
  /** Accounts by what they are for. */
  const people = {};
  let department;
  let without = false;
  /** Against a hub that has no incidents (YIWANG_UI_URL may name an older one) there is nothing to test. */
  const test = (name, body) => plain(name, (t) => (without ? t.skip('this hub has no incidents') : body()));

  before(async () => {
    browser = await openBrowser();
    hub = await openHub(browser);
    const { page, context } = await openDesk(browser, hub);
    without = await page.evaluate(async () => (await fetch('/api/v1/incidents?limit=1')).status === 404);
    if (without) return;
    await until('the hub has incidents that wait', async () => (await list(page, WAITING)).length > 4, 90_000);
    // Two departments film the same place: one incident of both is what the hub is for.
    const shared = await until('an incident of two departments', async () =>
      (await list(page, WAITING)).find((incident) => incident.departments.length > 1), 90_000);
    department = shared.departments[0];
    await context.close();
  });
  after(async () => {
    await browser?.close();
    hub?.stop();
  });

  const ask = (page, path, init) => page.evaluate(async ([path, init]) => (await fetch(path, init)).json(), [path, init]);
  const list = async (page, query) => (await ask(page, `/api/v1/incidents?${query}`)).incidents;
  const one = (page, id) => ask(page, `/api/v1/incidents/${id}`);
  const detail = (page, id) => page.locator(`[data-test=incident-detail][data-id="${id}"]`);

  /** Opens an incident as a link does. */
  async function open(page, id) {
    await page.evaluate((id) => { location.hash = `#/incident/${id}`; }, id);
    await detail(page, id).waitFor();
    await page.locator('[data-source]').first().waitFor();
  }

  /** An incident that waits and that no other test has taken. */
  const taken = new Set();
  async function fresh(page, fits = () => true) {
    const incident = await until('an incident that nobody has taken', async () =>
      (await list(page, WAITING)).find((incident) => !taken.has(incident.id) && fits(incident)), 90_000);
    taken.add(incident.id);
    return incident;
  }

  async function desk(options, look) {
    const opened = await openDesk(browser, hub, options);
    try {
      await look(opened.page, opened.context);
      assert.deepEqual(opened.outside, [], 'requests that leave the machine');
      assert.deepEqual(opened.errors, [], 'errors in the page');
    } finally {
      await opened.context.close();
    }
  }

  test('an administrator makes the accounts of a shift in the page', () => desk({ hash: '#/admin' }, async (page) => {
    for (const [name, role] of [['li', 'operator'], ['wang', 'operator'], ['officer', 'department']]) {
      const account = `${name}-${Date.now()}`;
      await page.fill('input[name=new-user]', account);
      await page.selectOption('select[name=new-role]', role);
      if (role === 'department') await page.selectOption('select[name=new-department]', department);
      await page.click('[data-test=make-user]');
      await page.locator(`[data-user="${account}"]`).waitFor();
      const password = (await page.locator('[data-test=made-user] code').textContent()).trim();
      people[name] = { name: account, password };
    }
    const box = page.locator('input[data-grant]:not(:checked)').first();
    const which = await box.getAttribute('data-grant');
    await box.check();
    const grants = async () => (await ask(page, '/api/v1/grants')).grants.map(({ department, sees }) => `${department} ${sees}`);
    await until('the grant holds', async () => (await grants()).includes(which));
    await until('the box can be used again', () => page.locator(`input[data-grant="${which}"]`).isEnabled());
    await page.locator(`input[data-grant="${which}"]`).uncheck();
    await until('the grant ended', async () => !(await grants()).includes(which));
  }));

  test('an incident of two departments says who saw it and why it is one', () => desk({}, async (page) => {
    const incident = (await list(page, 'state=all&order=newest&limit=500')).find(({ departments }) => departments.length > 1);
    await open(page, incident.id);
    const departments = await page.locator('[data-source]').evaluateAll((sources) => sources.map((source) => source.dataset.department));
    assert.deepEqual([...new Set(departments)].sort(), [...incident.departments].sort(), 'each source names its department');
    const merged = (await one(page, incident.id)).source_list.find(({ why }) => why);
    assert.ok(merged, 'a source that joined has a reason');
    assert.ok((await page.locator(`[data-source="${merged.id}"]`).textContent()).includes(merged.why.text_en), 'and it is shown');
  }));

  test('the loop, with an operator and a department at once', () => desk({ user: people.li }, (li) => desk({ user: people.officer }, async (officer) => {
    const { id } = await fresh(li, ({ departments }) => departments.includes(department));
    await open(li, id);
    await li.click('button[data-action=acknowledge]');
    await li.locator('[data-test=incident-detail] [data-shown-as=acknowledged]').waitFor();

    await li.click('button[data-action=dispatch]');
    const box = li.locator(`[data-test=action-form] input[value="${department}"]`);
    if (!(await box.isChecked())) await box.check();
    for (const other of await li.locator(`[data-test=action-form] input:checked:not([value="${department}"])`).all()) await other.uncheck();
    await li.fill('[data-test=action-form] textarea', 'Please look at the gate');
    await li.click('[data-test=action-go]');
    const task = `[data-task="${department}"]`;
    await li.locator(`${task}[data-state=open]`).waitFor();

    await open(officer, id);
    await officer.locator(task).getByText('Please look at the gate').waitFor();
    // The centre saw it for all; the department's own people see what their own cameras told.
    const seen = (page) => page.locator(`[data-source][data-department="${department}"] [data-test=source-seen]`).first();
    assert.match(await seen(officer).textContent(), new RegExp(`Acknowledged by ${people.li.name}`));
    await officer.click('button[data-action=acknowledge]');
    await officer.locator(`[data-source][data-department="${department}"]`).getByText(`Acknowledged by ${people.officer.name}`).first().waitFor();
    await li.locator(`[data-source][data-department="${department}"]`).getByText(`Acknowledged by ${people.officer.name}`).first().waitFor();
    const others = (await one(li, id)).source_list.filter((source) => source.department !== department);
    assert.ok(others.every(({ acknowledged_by }) => acknowledged_by === people.li.name), 'what others told is acknowledged by the centre as before');
    assert.equal((await one(li, id)).acknowledged_by, people.li.name, 'who was first stays');
    await officer.click(`${task} [data-test=task-accepted]`);
    await li.locator(`${task}[data-state=accepted]`).waitFor();
    await officer.click(`${task} [data-test=task-done]`);
    await officer.fill('[data-test=action-form] textarea', 'Nobody there any more');
    await officer.click('[data-test=action-go]');
    await li.locator(`${task}[data-state=done]`).getByText('Nobody there any more').waitFor();

    await li.click('button[data-action=resolve]');
    await li.fill('[data-test=action-form] textarea', 'Seen by a patrol');
    await li.click('[data-test=action-go]');
    await li.locator('[data-test=incident-detail] [data-shown-as=resolved]').waitFor();
    await li.click('button[data-action=close]');
    await li.click('[data-test=action-form] input[value=true]');
    await li.click('[data-test=action-go]');
    await until('it is closed', async () => (await one(li, id)).state === 'closed');
    await li.locator('[data-test=incident-detail] [data-shown-as=closed]').waitFor();
    const steps = await li.locator('[data-test=timeline] li.step').evaluateAll((items) => items.map((item) => item.dataset.action));
    assert.deepEqual(steps.filter((step) => step !== 'escalate'), ['acknowledge', 'dispatch', 'acknowledge', 'task', 'task', 'resolve', 'close'], 'the timeline has every step, once');
    assert.equal((await one(li, id)).finding, 'true');
  })));

  test('of two operators at once the second sees what the first did, and nothing is lost', () => desk({ user: people.li }, (li) => desk({ user: people.wang }, async (wang, context) => {
    const { id } = await fresh(li);
    await open(li, id);
    await open(wang, id);
    // wang's line is cut: what wang sees stays as it was.
    await context.route('**/api/v1/incidents/feed*', (route) => route.abort());
    await wang.evaluate(() => window.dispatchEvent(new Event('offline')));
    await li.click('button[data-action=acknowledge]');
    await li.locator('[data-test=incident-detail] [data-shown-as=acknowledged]').waitFor();
    await wang.click('button[data-action=severity]');
    await wang.selectOption('[data-test=action-form] select', 'low');
    await wang.fill('[data-test=action-form] textarea', 'a drill');
    await wang.click('[data-test=action-go]');
    const clash = wang.locator('[data-test=clash]');
    await clash.waitFor();
    assert.match(await clash.textContent(), new RegExp(`${people.li.name} acknowledged it`), 'told in words who did what');
    assert.equal((await one(li, id)).acknowledged_by, people.li.name, 'the first change stands');
    await wang.click('[data-test=clash-again]');
    await until('wang did it all the same, on what is there now', async () => (await one(li, id)).severity === 'low');
    assert.equal((await one(li, id)).state, 'acknowledged', 'and took nothing back');
    await li.locator('[data-test=news]').getByText(people.wang.name).waitFor();
  })));

  test('a shift by keyboard alone', () => desk({ user: people.wang }, async (page) => {
    const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };
    const selected = () => page.locator('[data-test=incident-detail]').getAttribute('data-id');
    const state = async (id) => (await one(page, id)).shown_as;
    const acts = async () => page.locator('[data-test=actions] button:enabled').first().waitFor();
    /** From the last field of a form over "Cancel" to "Do it". */
    const go = async () => { await press('Tab', 'Tab', 'Enter'); await page.locator('dialog[open]').waitFor({ state: 'detached' }); };
    await page.locator('[role=option]').first().waitFor();
    await press('Tab', 'Enter');
    await until('the skip link leads to the queue', () => page.evaluate(() => document.activeElement?.id === 'queue-list'));
    await press('j');
    const id = await selected();
    taken.add(id);
    await acts();

    await press('a');
    await until('a acknowledges', async () => (await state(id)) === 'acknowledged');
    await press('u');
    await until('u takes it back', async () => ['new', 'cleared_unacknowledged'].includes(await state(id)));
    await until('the page knows', async () => (await page.locator('button[data-action=acknowledge]').count()) === 1);
    await press('a');
    await until('a acknowledges again', async () => (await state(id)) === 'acknowledged');
    await acts();

    await press('m');
    await page.locator('[data-test=action-form] textarea:focus').waitFor();
    await page.keyboard.type('seen from the desk');
    await go();
    await page.locator('[data-test=timeline]').getByText('seen from the desk').waitFor();

    await press('s');
    await page.locator('[data-test=action-form] select:focus').waitFor();
    await press('Tab');
    await page.keyboard.type('roadworks');
    await go();
    await until('s shelves', async () => (await state(id)) === 'shelved');
    await press('u');
    await until('u brings it back', async () => (await state(id)) === 'acknowledged');
    await acts();

    await press('r');
    await page.locator('[data-test=action-form] textarea:focus').waitFor();
    await page.keyboard.type('nothing there');
    await go();
    await until('r resolves', async () => (await state(id)) === 'resolved');
    await acts();
    await press('c');
    await page.locator('[data-test=action-form] input:focus').waitFor();
    await press('ArrowDown', 'Tab');
    await page.keyboard.type('shadow of a tree');
    await go();
    await until('c closes with a finding', async () => (await state(id)) === 'closed');
    assert.equal((await one(page, id)).finding, 'false_alarm');

    // Several at once.
    await press('Escape');
    await until('Escape lets go', async () => (await page.locator('[data-test=incident-detail]').count()) === 0);
    await press('j', 'x', 'x');
    await until('two are marked', async () => /2/.test(await page.locator('[data-test=marked] b').textContent()));
    const mine = async () => (await list(page, 'state=all&owner=me&limit=50')).filter(({ state }) => state !== 'closed').length;
    const before = await mine();
    await press('t');
    await until('t takes what is marked', async () => (await mine()) === before + 2);
    await press('u');
    await until('u gives both back', async () => (await mine()) === before);
    await press('/');
    await until('/ leads to the search', () => page.evaluate(() => document.activeElement?.id === 'queue-search'));
    await press('Escape', 'g', 'w');
    await page.locator('.wall').waitFor();
  }));

  test('the queue of incidents holds still while somebody works in it', () => desk({}, async (page) => {
    const keys = () => page.locator('[role=option]').evaluateAll((rows) => rows.map((row) => row.dataset.key));
    await page.locator('#queue-list').hover();
    await page.locator('[data-test=held]').waitFor();
    await page.locator('[role=option]').first().click();
    const frozen = await keys();
    await page.mouse.move(DESK.width / 2, 5);
    await until('something new is announced by the pill', () => page.locator('[data-test=pill]').count(), 90_000);
    assert.deepEqual(await keys(), frozen, 'no row moved');
  }));

  test('the wall is read-only and never calls silence safety', () => desk({ hash: '#/wall' }, async (page, context) => {
    await page.locator('.wall li[data-number]').first().waitFor();
    assert.equal(await page.locator('[data-action], [data-test=marked]').count(), 0, 'nothing can be done from the wall');
    const px = await page.locator('.wall .what').first().evaluate((element) => parseFloat(getComputedStyle(element).fontSize));
    assert.ok(px >= 22, `${px} px can be read across a room`);
    await context.setOffline(true);
    await page.locator('[data-test=wall-link].lost').waitFor({ timeout: 60_000 });
    assert.match(await page.locator('.wall .counts').textContent(), /\?/, 'what is not known is not shown as a number');
    await context.setOffline(false);
  }));

  /** Counts beeps where the page makes them: three of 880 Hz are the sound of an urgent incident. */
  function listen() {
    const count = {};
    window.__beeps = count;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) {
      count[this.frequency.value] = (count[this.frequency.value] ?? 0) + 1;
      return start.apply(this, when);
    };
  }

  test('a flood and an urgent incident are told on every page and in both modes', () => desk({}, async (page, context) => {
    await context.addInitScript(listen);
    await context.addInitScript(() => localStorage.setItem('yiwang.prefs', JSON.stringify({ ...JSON.parse(localStorage.getItem('yiwang.prefs') ?? '{}'), sound: true })));
    await page.reload();
    await page.locator('[data-test=flood]').waitFor();
    await page.locator('[data-test=group]').first().waitFor();
    const severities = await page.locator('[role=option]:not(.calm)').evaluateAll((rows) => rows.map((row) => row.classList.contains('urgent')));
    assert.ok(severities.lastIndexOf(true) < severities.filter(Boolean).length, 'what is urgent and waits stands before the rest');
    await page.locator('[data-test=mode-events]').click();
    await page.locator('#panel-queue[data-mode=events]').waitFor();
    assert.ok(await page.locator('[data-test=flood]').isVisible(), 'the flood is told beside the events too');
    for (const sheet of ['search', 'reports', 'handover', 'admin']) {
      await page.evaluate((hash) => { location.hash = hash; }, `#/${sheet}`);
      await page.locator('.sheet main').first().waitFor();
      assert.ok(await page.locator('[data-test=flood]').isVisible(), `the flood is told on ${sheet}`);
    }
    const heard = await page.evaluate(() => window.__beeps[880] ?? 0);
    await until('an urgent incident is heard on a page without a list', async () => (await page.evaluate(() => window.__beeps[880] ?? 0)) > heard, 90_000);
    // A group of the banner leads to the desk, where it is marked.
    await page.locator('[data-test=flood] li button').first().click();
    await page.locator('#panel-queue[data-mode=incidents]').waitFor();
    await page.locator('[data-test=marked]').waitFor();
  }));

  test('what is found lies in time, and by keyboard one goes into a stretch of it and back', () => desk({ hash: '#/search?what=events&q=%E4%B8%9C%E9%97%A8', language: 'zh' }, async (page) => {
    await page.evaluate(AXE);
    const rows = () => page.locator('tbody th a').count();
    const bars = () => page.locator('[data-test=found-timeline] button').evaluateAll((bars) => bars.map(({ dataset }) => Number(dataset.count)));
    await page.locator('[data-test=found-timeline] button').first().waitFor();
    const counts = await bars();
    const all = await rows();
    assert.equal(counts.reduce((sum, count) => sum + count, 0), all, 'each found event stands in one bar');
    const spare = await page.locator('[data-test=found-timeline]').evaluate((list) => list.getBoundingClientRect().right - list.lastElementChild.getBoundingClientRect().right);
    assert.ok(spare < 8, `the last bar ends where the axis does, ${spare} px before it`);
    await clean(page, 'the search with its timeline');
    // The last one still grows.
    const fullest = counts.indexOf(Math.max(...counts.slice(0, -1)));
    await page.locator('[data-test=found-timeline] button[tabindex="0"]').focus();
    await page.keyboard.press('Home');
    for (let i = 0; i < fullest; i += 1) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.locator('[data-test=wider]').waitFor();
    await until('only that stretch is shown', async () => (await rows()) === counts[fullest]);
    assert.notEqual(await page.inputValue('input[name=from]'), '', 'its time stands in the form');
    await page.click('[data-test=wider]');
    await until('all of it is shown again', async () => (await rows()) >= all);
    assert.equal(await page.inputValue('input[name=from]'), '');
    await page.setViewportSize(PHONE);
    await until('a phone has fewer bars', async () => (await bars()).length < counts.length);
    await clean(page, 'the timeline on a phone');
  }));

  test('events are found by two characters in an area, asked for by curl, and saved whole', () => desk({ hash: '#/search', language: 'zh' }, async (page) => {
    const found = () => page.locator('[data-test=found]').textContent().catch(() => '');
    const rows = () => page.locator('tbody th a').evaluateAll((links) => links.map(({ hash }) => hash));
    await page.selectOption('select[name=what]', 'events');
    await page.fill('input[name=q]', '东门');
    // An area drawn by hand: the middle of the map, around what the cameras see.
    await page.click('[data-test=area]');
    await page.waitForFunction(() => document.querySelector('.picker canvas.maplibregl-canvas'));
    const box = await page.locator('.picker .map').boundingBox();
    await until('the corners are drawn', async () => {
      if ((await page.inputValue('input[name=area]')).split(';').length >= 4) return true;
      await page.fill('input[name=area]', '');
      for (const [x, y] of [[0.02, 0.02], [0.98, 0.02], [0.98, 0.98], [0.02, 0.98]]) await page.mouse.click(box.x + box.width * x, box.y + box.height * y);
      return false;
    });
    await page.click('[data-test=search-go]');
    await until('events are found', async () => /[1-9]/.test((await found()) ?? ''));
    const inArea = await rows();
    assert.ok(inArea.length > 0 && inArea.every((hash) => hash.startsWith('#/event/')));
    const names = await page.locator('tbody td:nth-child(4)').allTextContents();
    assert.ok(names.every((name) => name.includes('东门')), `${names}`);
    assert.match(decodeURIComponent(page.url()), /what=events&q=东门&area=1/, 'the filter stands in the address');

    const asked = await page.locator('[data-test=csv]').getAttribute('href');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('[data-test=csv]')]);
    assert.equal(download.suggestedFilename(), 'yiwang-events.csv');
    const lines = (await (await page.request.get(new URL(asked, page.url()).href)).text()).trim().split('\r\n');
    assert.ok(lines.length - 1 >= inArea.length, 'the file holds all that was found, and a line of names');
    const [map] = await Promise.all([page.waitForEvent('download'), page.click('[data-test=geojson]')]);
    assert.equal(map.suggestedFilename(), 'yiwang-events.geojson');

    await page.fill('input[name=area]', '1,1;2,1;2,2');
    await page.click('[data-test=search-go]');
    await until('elsewhere nothing is found', async () => /(^|\D)0(\D|$)/.test((await found()) ?? ''));
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.fill('input[name=area]', '');
    await page.locator('form .button', { hasText: 'curl' }).click();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    const path = /'https?:\/\/[^/]+([^']+)'/.exec(command)[1];
    assert.ok((await ask(page, path)).events.length > 0, 'what curl asks for is found');
    await page.selectOption('select[name=what]', 'incidents');
    await page.click('[data-test=search-go]');
    await until('incidents are found by the same word', async () => (await rows()).some((hash) => hash.startsWith('#/incident/')));
  }));

  for (const [language, theme] of [['en', 'dark'], ['zh', 'light']]) {
    test(`axe finds nothing in the work: ${language}, ${theme}`, () => desk({ language, theme }, async (page) => {
      await page.evaluate(AXE);
      const incident = (await list(page, 'state=all&order=newest&limit=500')).find(({ tasks, departments }) => tasks.length > 0 || departments.length > 1);
      await clean(page, 'the incidents');
      await open(page, incident.id);
      await clean(page, 'an incident');
      await page.keyboard.press('x');
      await page.locator('[data-test=marked]').waitFor();
      await clean(page, 'marked incidents');
      await page.keyboard.press('m');
      await page.locator('dialog[open]').waitFor();
      await clean(page, 'a form');
      await page.keyboard.press('Escape');
      for (const sheet of ['search?q=a', 'reports', 'admin', 'wall']) {
        await page.evaluate((hash) => { location.hash = hash; }, `#/${sheet}`);
        await page.locator(sheet === 'wall' ? '.wall li' : '.sheet .card').first().waitFor();
        await clean(page, sheet);
      }
    }));
  }

  test('axe finds nothing in the work on a phone, and nothing is too small or too wide', () => desk({ size: PHONE, language: 'zh' }, async (page) => {
    await page.evaluate(AXE);
    await clean(page, 'the incidents');
    await page.locator('[role=option]').first().tap();
    await page.locator('[data-source]').first().waitFor();
    await clean(page, 'an incident');
    const small = await page.locator('button:visible, select:visible, input:visible').evaluateAll((elements) =>
      elements.map((element) => ({ box: element.getBoundingClientRect(), html: element.outerHTML.slice(0, 120) }))
        .filter(({ box }) => box.width > 1 && (box.width < 24 || box.height < 24)).map(({ html }) => html));
    assert.deepEqual(small, []);
    for (const sheet of ['', 'search', 'reports', 'admin', 'wall']) {
      await page.evaluate((hash) => { location.hash = hash; }, `#/${sheet}`);
      await page.locator('main').first().waitFor();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${sheet || 'the desk'} is ${wide} px wider than the phone`);
    }
  }));
});
