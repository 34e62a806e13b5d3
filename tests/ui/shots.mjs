// `node tests/ui/shots.mjs FOLDER`: pictures of the page as people see it, for people to look at: desk, events, wall, phone,
// each page beside the desk, in both languages and themes, against a real hub in which more comes in than one can take, so
// that flood mode is on. Nothing is compared: what looks wrong is seen by who looks.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DESK, PHONE, openBrowser, openDesk, openHub, showEvents, until } from './support.mjs';

const folder = process.argv[2];
if (!folder) {
  console.error('usage: node tests/ui/shots.mjs FOLDER');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const browser = await openBrowser();
const hub = await openHub(browser);

/** A page of its own, and its picture once `ready` has come. */
async function shot(name, options, ready) {
  const { page, context } = await openDesk(browser, hub, options);
  await ready(page);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await context.close();
  console.log(name);
}

const rows = (page) => page.locator('[role=option]').first().waitFor();
const map = (page) => until('the map is drawn', () => page.evaluate(() => (window.__yiwang?.marks.drawn.length ?? 0) > 0));
const card = (page) => page.locator('.sheet .card').first().waitFor();
const open = async (page) => {
  await rows(page);
  await map(page);
  await page.locator('[role=option]').first().click();
  await page.locator('[data-source]').first().waitFor();
};
const phone = async (page) => {
  await rows(page);
  await page.locator('[data-test=flood]').waitFor();
};

try {
  await shot('desk-zh-dark-flood', { language: 'zh', theme: 'dark', size: DESK }, async (page) => {
    await page.locator('[data-test=flood]').waitFor();
    await open(page);
  });
  await shot('desk-en-light', { language: 'en', theme: 'light', size: DESK }, open);
  await shot('events-zh-light', { language: 'zh', theme: 'light', size: DESK }, async (page) => {
    await showEvents(page);
    await rows(page);
    await map(page);
  });
  await shot('coverage-en-dark', { language: 'en', theme: 'dark', size: DESK }, async (page) => {
    await map(page);
    await page.click('[data-test=coverage]');
    await until('footprints are drawn', () => page.evaluate(() => window.__yiwang.map.querySourceFeatures('footprints').length > 0));
    await page.evaluate(() => new Promise((resolve) => {
      const { map } = window.__yiwang;
      const { geometry } = map.querySourceFeatures('footprints')[0];
      map.once('idle', resolve);
      map.jumpTo({ center: geometry.coordinates[0][0], zoom: 16 });
    }));
  });
  for (const [language, theme] of [['zh', 'dark'], ['en', 'light']]) {
    await shot(`wall-${language}-${theme}`, { language, theme, size: DESK, hash: '#/wall' }, async (page) => {
      await page.locator('.wall li[data-number]').first().waitFor();
      await map(page);
    });
    await shot(`phone-${language}-${theme}`, { language, theme, size: PHONE }, phone);
    await shot(`phone-incident-${language}-${theme}`, { language, theme, size: PHONE }, async (page) => {
      await phone(page);
      await page.locator('[role=option]').first().tap();
      await page.locator('[data-source]').first().waitFor();
    });
    await shot(`search-${language}-${theme}`, { language, theme, size: DESK, hash: '#/search?what=events&q=%E4%B8%9C%E9%97%A8' }, (page) => page.locator('[data-test=found]').waitFor());
    await shot(`reports-${language}-${theme}`, { language, theme, size: DESK, hash: '#/reports' }, card);
    await shot(`handover-${language}-${theme}`, { language, theme, size: DESK, hash: '#/handover' }, (page) => page.locator('[data-test=draft] form').waitFor());
    await shot(`admin-${language}-${theme}`, { language, theme, size: { width: 1920, height: 3200 }, hash: '#/admin' }, async (page) => {
      await page.click('[data-test=add-rule]');
      await page.locator('[data-test=place]').first().click();
      // Something for the record.
      await page.fill('input[name=new-user]', `li-${language}`);
      await page.click('[data-test=make-user]');
      await page.locator('[data-test=made-user]').waitFor();
      await page.locator('[data-test=audit]').waitFor();
    });
  }
} finally {
  await browser.close();
  hub.stop();
}
