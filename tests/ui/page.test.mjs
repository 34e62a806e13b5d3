// The operations view in a real browser against a real hub whose queue fills while the tests run.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AXE, DESK, PHONE, clean, missing, openBrowser, openDesk, openHub, showEvents, until } from './support.mjs';

const reason = missing();

describe('the operations view', { skip: reason ?? false }, () => {
  let browser;
  let hub;

  before(async () => {
    browser = await openBrowser();
    hub = await openHub(browser);
    const { page, context } = await openDesk(browser, hub);
    await showEvents(page);
    await until('the queue has rows', () => page.locator('[role=option]').count(), 90_000);
    await context.close();
  });
  after(async () => {
    await browser?.close();
    hub?.stop();
  });

  /** Opens a desk, runs `look`, and asserts that nothing left the machine and nothing was thrown. */
  async function desk(options, look) {
    const opened = await openDesk(browser, hub, options);
    try {
      await showEvents(opened.page);
      await opened.page.locator('[role=option]').first().waitFor();
      await look(opened.page, opened.context);
      assert.deepEqual(opened.outside, [], 'requests that leave the machine');
      assert.deepEqual(opened.errors, [], 'errors in the page');
    } finally {
      await opened.context.close();
    }
  }

  // Each language with each theme, once: what axe finds in words does not depend on colours, and colours are the same on each size.
  for (const [language, theme, name, size] of [['zh', 'dark', 'desk', DESK], ['en', 'light', 'desk', DESK], ['zh', 'light', 'phone', PHONE], ['en', 'dark', 'phone', PHONE]]) {
    test(`axe finds nothing: ${language}, ${theme}, ${name}`, () => desk({ language, theme, size }, async (page) => {
      // Not as a script tag: the hub's content policy refuses inline scripts, as it should.
      await page.evaluate(AXE);
      if (size === PHONE) await phoneStates(page);
      else await deskStates(page);
    }));
  }

  async function deskStates(page) {
    await clean(page, 'the desk');
    await page.locator('[role=option]').first().click();
    await page.locator('[data-test=event-detail]').waitFor();
    await page.locator('#panel-detail summary').click();
    await clean(page, 'an event');
    await page.keyboard.press('Escape');
    await page.locator('[data-camera]').first().click();
    await page.locator('[data-test=camera-detail]').waitFor();
    await clean(page, 'a camera');
    await page.keyboard.press('Escape');
    await page.click('[data-test=map-list-toggle]');
    await clean(page, 'the list on the map');
    await page.click('[data-test=map-list-toggle]');
    await page.keyboard.press('?');
    await page.locator('dialog[open]').waitFor();
    await clean(page, 'the help dialog');
    await page.keyboard.press('Escape');
    await page.click('[data-test=user]');
    await clean(page, 'the account menu');
    await page.locator('#user-menu button').first().click();
    await page.locator('dialog[open]').waitFor();
    await page.click('[data-test=token-make]');
    await page.locator('[data-test=token]').waitFor();
    await clean(page, 'the tokens dialog');
    await page.keyboard.press('Escape');
  }

  async function phoneStates(page) {
    await clean(page, 'the queue');
    await page.locator('#panel-queue .filter-toggle').click();
    await clean(page, 'the filters');
    await page.locator('[role=option]').first().click();
    await page.locator('[data-test=event-detail]').waitFor();
    await clean(page, 'an event');
    await page.click('[data-test=back]');
    for (const tab of ['map', 'state']) {
      await page.click(`[data-test=tab-${tab}]`);
      await clean(page, tab);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} px wider than the phone`);
  }

  test('the queue holds still while a row is selected, and says what came', () => desk({}, async (page) => {
    const keys = () => page.locator('[role=option]').evaluateAll((rows) => rows.map((row) => row.dataset.key));
    // As a hand does it: the pointer over the list holds it still, then a row is hit.
    await page.locator('#queue-list').hover();
    await page.locator('[data-test=held]').waitFor();
    await page.locator('[role=option]').nth(1).click();
    const frozen = await keys();
    await page.mouse.move(DESK.width / 2, 5);
    await until('something new is announced by the pill', () => page.locator('[data-test=pill]').count(), 90_000);
    assert.deepEqual(await keys(), frozen, 'no row moved');
    await page.click('[data-test=pill]');
    await until('the new rows are shown', async () => (await keys())[0] !== frozen[0]);
    await page.keyboard.press('Escape');
    await page.mouse.move(DESK.width / 2, 5);
    await until('the list follows live again', async () => (await page.locator('[data-test=held]').count()) === 0);
  }));

  test('the map shows each camera with the sign of its state', () => desk({ motion: 'no-preference' }, async (page) => {
    const cameras = await page.evaluate(async () => (await (await fetch('/api/v1/cameras')).json()).cameras);
    const placed = cameras.filter((camera) => camera.position);
    assert.ok(placed.length > 0, 'the hub has cameras with a position');
    const rendered = await until('all cameras are rendered', async () => {
      const found = await page.evaluate(() => {
        const map = window.__yiwang?.map;
        if (!map?.getLayer('cameras')) return [];
        return map.queryRenderedFeatures({ layers: ['cameras'] }).map((feature) => ({ ...feature.properties, image: map.hasImage(`state-${feature.properties.state}`) }));
      });
      const ids = new Set(found.map(({ id }) => id));
      return placed.every(({ id }) => ids.has(id)) && found;
    });
    const states = new Set(['ok', 'starting', 'down', 'no_contact']);
    for (const { id, state, image } of rendered) {
      assert.ok(states.has(state), `${id} has state ${state}`);
      assert.ok(image, `there is a sign for ${state}`);
    }
    await page.click('[data-test=map-list-toggle]');
    await page.locator('#map-list button').first().click();
    const selected = await page.locator('[data-test=camera-detail]').getAttribute('data-id');
    await until('the chosen camera is ringed', () => page.evaluate(
      (id) => window.__yiwang.marks.ringed.includes(id), selected,
    ));
  }));

  test('everything can be reached by keyboard alone', () => desk({}, async (page) => {
    const focus = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.className || document.activeElement?.tagName);
    // From the top of the page: the pointer chose the events before, and the next Tab would go on from there.
    await page.evaluate(() => {
      document.body.tabIndex = -1;
      document.body.focus();
      document.body.removeAttribute('tabindex');
    });
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await until('the skip link leads to the queue', async () => (await focus()) === 'queue-list');
    await page.keyboard.press('ArrowDown');
    const first = await page.locator('[data-test=event-detail]').getAttribute('data-id');
    await page.keyboard.press('j');
    await until('j moves on', async () => (await page.locator('[data-test=event-detail]').getAttribute('data-id')) !== first);
    await page.keyboard.press('k');
    await until('k moves back', async () => (await page.locator('[data-test=event-detail]').getAttribute('data-id')) === first);
    await page.keyboard.press('Enter');
    await until('Enter leads to the detail', async () => (await focus()) === 'panel-detail');
    await page.keyboard.press('Escape');
    await until('Escape leads back and closes', async () => (await focus()) === 'queue-list' && (await page.locator('[data-test=event-detail]').count()) === 0);
    await page.keyboard.press('/');
    await until('/ leads to the search', async () => (await focus()) === 'queue-search');
    await page.keyboard.type('zzzz');
    await page.locator('[data-test=empty]').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('[data-test=clear-filters]').press('Enter');
    await page.locator('[role=option]').first().waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('m');
    await until('g m leads to the map', () => page.evaluate(() => document.activeElement?.closest('#panel-map') !== null));
    await page.keyboard.press('?');
    await page.locator('dialog[open]').waitFor();
    await page.locator('dialog input[type=checkbox]').press('Space');
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    assert.equal(await page.locator('dialog[open]').count(), 0, 'letters are off');
  }));

  test('a page that loses the hub says so, and becomes live again', () => desk({}, async (page, context) => {
    await context.setOffline(true);
    await page.locator('[data-test=stale]').waitFor({ timeout: 60_000 });
    assert.equal(await page.locator('[data-test=link]').getAttribute('data-state'), 'lost');
    assert.ok(await page.locator('[data-test=complete]:not(.whole)').count(), 'nothing is called complete');
    await context.setOffline(false);
    await until('the page is live again', async () => (await page.locator('[data-test=link]').getAttribute('data-state')) === 'live', 60_000);
    await page.locator('[data-test=stale]').waitFor({ state: 'detached' });
  }));

  test('a feed that cannot be resumed (410) reloads the list and tells the person', () => desk({}, async (page) => {
    let refused = 0;
    await page.route('**/api/v1/feed?since=*', (route) => {
      if (route.request().url().endsWith('since=now')) return route.continue();
      refused += 1;
      return route.fulfill({ status: 410, contentType: 'application/json', body: '{"error":{"code":"gone","message":"too old","next":""},"oldest":"x-1"}' });
    });
    // What the browser says when the network changes: the page then opens its feed anew, from its last id.
    await page.evaluate(() => window.dispatchEvent(new Event('offline')));
    await page.locator('[data-test=reloaded]').waitFor({ timeout: 60_000 });
    assert.ok(refused > 0);
    await page.locator('[role=option]').first().waitFor();
    await until('the page is live again', async () => (await page.locator('[data-test=link]').getAttribute('data-state')) === 'live');
  }));

  test('at 200 % zoom of a small screen nothing is cut off sideways', () => desk({ size: { width: 640, height: 360 } }, async (page) => {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} px too wide`);
  }));

  test('controls are large enough to hit', () => desk({ size: PHONE }, async (page) => {
    const small = await page.locator('button:visible, select:visible, input:visible').evaluateAll((elements) =>
      elements.map((element) => ({ box: element.getBoundingClientRect(), html: element.outerHTML.slice(0, 120) }))
        .filter(({ box }) => box.width > 1 && (box.width < 24 || box.height < 24)).map(({ html }) => html));
    assert.deepEqual(small, []);
  }));
});
