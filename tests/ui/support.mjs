// What the page's tests share: the hub that they look at, the browser, and the watch over every request.
//
// The hub: YIWANG_UI_URL names one that runs and whose queue fills (as `deploy/demo` gives it), together with
// YIWANG_SETUP_LINK (its one-time link, while unused) or YIWANG_UI_USER and YIWANG_UI_PASSWORD. Without YIWANG_UI_URL
// the tests start the hub of target/release themselves and let `yiwang-feeder` fill it. YIWANG_UI_DIST names a folder with
// a page that is not in that hub yet; see dist.mjs.
import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serveDist } from './dist.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(join(root, 'hub/ui/package.json'));
const { chromium } = require('playwright-core');
export const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

// Without a graphics card WebGL is drawn by SwiftShader. The page itself is put together by the processor then, as Chromium
// does by itself where it finds no card: through SwiftShader it takes thrice as long.
const BROWSER_ARGS = [
  '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
  '--disable-gpu-compositing', '--disable-gpu-rasterization',
];
export const DESK = { width: 1920, height: 1080 };
export const PHONE = { width: 390, height: 844 };
const USER = process.env.YIWANG_UI_USER ?? 'ui-test';
const PASSWORD = process.env.YIWANG_UI_PASSWORD ?? 'only for the tests of the page';

/** Why there is nothing to test against, or null. */
export function missing() {
  if (process.env.YIWANG_UI_URL) return null;
  const absent = ['yiwang-hub', 'yiwang-feeder'].filter((name) => !existsSync(binary(name)));
  return absent.length === 0 ? null : `neither YIWANG_UI_URL nor ${absent.join(', ')} in target/release`;
}

/**
 * A hub with a queue that fills: { url, stop }. The first call's set-up link becomes the account of all tests. `feed` starts
 * the gateways of a hub that is started here; `prepare` lays what it needs into its data folder.
 */
export async function openHub(browser, feed = threeGateways, prepare = () => {}) {
  const hub = process.env.YIWANG_UI_URL
    ? { url: new URL(process.env.YIWANG_UI_URL).origin, setupLink: process.env.YIWANG_SETUP_LINK, stop: () => {} }
    : await startHub(feed, prepare);
  if (hub.setupLink) await setUp(browser, hub);
  return hub;
}

export function openBrowser() {
  return chromium.launch({ executablePath: process.env.YIWANG_BROWSER ?? '/usr/bin/chromium', args: BROWSER_ARGS });
}

/** Who has logged in, as the browser remembers it: an account's first page logs in, its next ones are let in by the cookie. */
const remembered = new Map();

/**
 * A page on the desk, without motion unless a test is about it: what moves is drawn in software here, ten times a second, on
 * the cores that the rest waits for. `outside` collects every request that would leave the hub's origin, `errors` what the page threw;
 * both must stay empty, and `close` asserts it.
 */
export async function openDesk(browser, hub, { language = 'en', theme = 'dark', size = DESK, motion = 'reduce', user = { name: USER, password: PASSWORD }, hash = '' } = {}) {
  const who = `${hub.url} ${user.name}`;
  const context = await browser.newContext({
    viewport: size, locale: language === 'zh' ? 'zh-CN' : 'en-GB', colorScheme: theme, reducedMotion: motion,
    hasTouch: size.width < 500, storageState: remembered.get(who),
  });
  const page = await context.newPage();
  // A deadline, not a measure: on a machine that compiles beside, drawing the map in software takes long.
  page.setDefaultTimeout(120_000);
  const outside = [];
  const errors = [];
  const local = new URL(hub.url).origin;
  context.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (origin !== local && protocol !== 'data:' && protocol !== 'blob:') outside.push(request.url());
  });
  page.on('pageerror', (error) => errors.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    const text = message.text();
    if (/Content Security Policy|each_key|maplibre/i.test(text) && message.type() === 'error') errors.push(text);
  });
  await page.goto(`${hub.url}/${hash}`);
  await page.locator('input[name=user], main').first().waitFor();
  if (await page.locator('input[name=user]').count()) await logIn(page, user);
  await page.locator(hash ? 'main:not(:has(input[name=password]))' : '#panel-queue').first().waitFor();
  // The cookie alone: language and theme are each test's own.
  if (!remembered.has(who)) remembered.set(who, { cookies: await context.cookies(), origins: [] });
  return { page, context, outside, errors };
}

/** The queue of events; a hub without incidents shows it anyway. */
export async function showEvents(page) {
  await page.locator('#panel-queue[data-known]').waitFor();
  const toEvents = page.locator('[data-test=mode-events]');
  if (await toEvents.count()) await toEvents.click();
  await page.locator('#panel-queue[data-mode=events]').waitFor();
}

/** What axe finds: nothing. */
export async function clean(page, where) {
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      // Only what is wrong is told, and nothing is fetched again to be looked at.
      resultTypes: ['violations'], preload: false,
    });
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => ({ id, help, html: html.slice(0, 300), failureSummary })));
  });
  assert.deepEqual(found, [], `axe on ${where}`);
}

export async function logIn(page, { name, password }) {
  await page.fill('input[name=user]', name);
  await page.fill('input[name=password]', password);
  await page.click('button.primary');
}

/** Waits until `check` gives something true; there is no plain sleep in these tests. */
export async function until(what, check, limitMs = 30_000) {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`after ${limitMs / 1000} s still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function setUp(browser, hub) {
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  await page.goto(hub.setupLink);
  await page.fill('input[name=user]', USER);
  await page.fill('input[name=password]', PASSWORD);
  await page.fill('input[name=again]', PASSWORD);
  await page.click('button.primary');
  await page.locator('#panel-queue').waitFor();
  await context.close();
}

export const binary = (name) => join(root, 'target/release', name);

async function startHub(feed, prepare) {
  const data = mkdtempSync(join(tmpdir(), 'yiwang-ui-'));
  const children = [];
  const start = (name, ...args) => {
    const child = spawn(binary(name), args, { stdio: ['ignore', 'ignore', 'inherit'] });
    children.push(child);
    return child;
  };
  const stop = () => {
    for (const child of children.reverse()) child.kill();
    rmSync(data, { recursive: true, force: true, maxRetries: 20 });
  };
  try {
    prepare(data);
    const { pid } = start('yiwang-hub', 'serve', '--data', data, '--quic', '127.0.0.1:0', '--web', '127.0.0.1:0', '--plain-http');
    const addresses = join(data, 'addresses.json');
    await until('the hub listens', () => existsSync(addresses) && readFileSync(addresses, 'utf8').trim() !== '');
    const { quic, web } = JSON.parse(readFileSync(addresses, 'utf8'));
    const cli = (...args) => execFileSync(binary('yiwang-hub'), [...args, '--data', data], { encoding: 'utf8' });
    const setupLink = /https?:\/\/\S+/.exec(cli('setup-link'))[0];
    await feed({ quic, data, start, token: (department) => /yw1\.[\w-]+/.exec(cli('token', 'create', '--department', department))[0] });
    const dist = process.env.YIWANG_UI_DIST;
    if (!dist) return { url: web, setupLink, stop, pid };
    const page = await serveDist(dist, web);
    children.push({ kill: page.stop });
    return { url: page.url, setupLink: setupLink.replace(new URL(web).origin, page.url), stop, pid };
  } catch (error) {
    stop();
    throw error;
  }
}

/** Three gateways of three departments; the first two look at the same places, the last leaves at once and is then without contact. */
export function threeGateways({ quic, start, token }) {
  const gateways = [['police', '120.150,30.270'], ['traffic', '120.150,30.270'], ['city-management', '120.155,30.287', '--seconds', '1']];
  for (const [department, at, ...more] of gateways) {
    start('yiwang-feeder', '--hub', quic, '--token', token(department), '--name', department, '--at', at, ...more);
  }
}
