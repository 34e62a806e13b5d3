// The gateway's own page in a real browser: a real gateway over a camera of the simulated city. Its picture goes on, rules
// are drawn by keyboard and by mouse, tried on the last minutes, saved into the file with its comments, brought into force
// and taken back. YIWANG_GATEWAY_DIST names a page that is not in the gateway yet; YIWANG_SHOTS a folder for pictures of it.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AXE, DESK, PHONE, binary, clean, openBrowser, until } from './support.mjs';
import { serveDist } from './dist.mjs';

const absent = ['yiwang-gateway', 'yiwang-city'].map(binary).filter((file) => !existsSync(file));
const PASSWORD = 'only for this test of the page';
/** What the keyboard draws in one piece: long enough for a machine that compiles beside. */
const LONG_MS = 120_000;

describe('the gateway’s own page', { skip: absent.length > 0 ? `there is no ${absent.join(', ')}` : false }, () => {
  const data = mkdtempSync(join(tmpdir(), 'yiwang-page-'));
  const file = join(data, 'gateway.toml');
  const children = [];
  let browser;
  let url;
  let cookies;

  before(async () => {
    browser = await openBrowser();
    const city = start('yiwang-city', ['serve', '--seed', '1', '--cameras', 'pol-crossing', '--density', '2', '--listen', '127.0.0.1:0'], 'pipe');
    let said = '';
    city.stdout.on('data', (bytes) => (said += bytes));
    const streams = await until('the city sends', () => /ready (rtsp:\S+)/.exec(said)?.[1], LONG_MS);
    const cameras = execFileSync(binary('yiwang-city'), ['gateway', '--seed', '1', '--cameras', 'pol-crossing', '--department', 'police', '--streams', streams], { encoding: 'utf8' });
    writeFileSync(file, config(/url = "(.*)"/.exec(cameras)[1]));
    execFileSync(binary('yiwang-gateway'), ['page', 'password', '--stdin', '--config', file], { input: `${PASSWORD}\n` });
    start('yiwang-gateway', ['run', '--config', file]);
    const addresses = join(data, 'state/addresses.json');
    url = await until('the gateway listens', () => existsSync(addresses) && JSON.parse(readFileSync(addresses, 'utf8')).page, LONG_MS);
    const dist = process.env.YIWANG_GATEWAY_DIST;
    if (dist) {
      const page = await serveDist(dist, url, '/gateway.html');
      children.push({ kill: page.stop });
      url = page.url;
    }
  });

  after(async () => {
    await browser?.close();
    for (const child of children.reverse()) child.kill();
    rmSync(data, { recursive: true, force: true, maxRetries: 20 });
  });

  function start(name, args, stdout = 'ignore') {
    const child = spawn(binary(name), args, { stdio: ['ignore', stdout, 'inherit'] });
    children.push(child);
    return child;
  }

  const config = (address) => `# the crossing's own gateway
state_dir = "state"

[admin]
listen = "127.0.0.1:0"

[page] # for the technician
listen = "127.0.0.1:0"

# it looks down the main road
[[camera]]
id = "crossing" # by the bank
name = "路口"
url = "${address}"

# nobody may stand on the lawn
[[camera.rule]]
id = "lawn"
kind = "loiter" # for long
zone = [[0.02, 0.02], [0.12, 0.02], [0.12, 0.12]]
seconds = 30

# the one in the cellar is not built in yet
[[camera]]
id = "cellar"
name = "地下室"
url = "rtsp://127.0.0.1:1/cellar"
# the end
`;

  /** A page that is logged in, but for the first. */
  async function open({ size = DESK, language = 'en', theme = 'dark', camera = 'crossing', fresh = false } = {}) {
    const context = await browser.newContext({
      viewport: size, locale: language === 'zh' ? 'zh-CN' : 'en-GB', colorScheme: theme, reducedMotion: 'reduce',
      hasTouch: size.width < 500, storageState: fresh || !cookies ? undefined : { cookies, origins: [] },
    });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const errors = [];
    const outside = [];
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (origin !== url && protocol !== 'data:' && protocol !== 'blob:') outside.push(request.url());
    });
    page.on('pageerror', (error) => errors.push(String(error.stack ?? error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy|each_key/i.test(message.text())) errors.push(message.text());
    });
    await page.goto(`${url}/#${camera}`);
    if (!fresh) {
      await page.locator('input[name=password], main [data-test=camera-view]').first().waitFor();
      if (await page.locator('input[name=password]').count()) await logIn(page);
      await page.locator(`[data-camera-id=${camera}]`).waitFor();
      cookies ??= await context.cookies();
    }
    const close = async () => {
      assert.deepEqual([errors, outside], [[], []], 'errors in the page, and requests that leave the gateway');
      await context.close();
    };
    return { page, close };
  }

  async function logIn(page, password = PASSWORD) {
    await page.fill('input[name=password]', password);
    await page.click('button.primary');
  }

  const number = async (page) => Number((await page.locator('[data-test=picture-age]').getAttribute('data-number')) ?? 0);
  const saved = () => readFileSync(file, 'utf8');
  const shot = async (page, name) => process.env.YIWANG_SHOTS && page.screenshot({ path: join(process.env.YIWANG_SHOTS, `gateway-${name}.png`) });
  /** Waits until the picture has been made anew, and is one. */
  async function goesOn(page) {
    const first = await until('a picture', () => number(page), LONG_MS);
    await until('pictures that go on', async () => (await number(page)) > first + 3, LONG_MS);
    return page.locator('[data-test=picture]').evaluate(async (image) => (await image.decode().catch(() => {}), image.naturalWidth));
  }

  async function save(page) {
    await page.locator('[data-test=save]').click();
    await until('it is saved', async () => {
      const problem = page.locator('[data-test=problem]');
      assert.equal(await problem.count(), 0, (await problem.count()) ? await problem.innerText() : '');
      return page.locator('[data-test=said]').count();
    }, LONG_MS);
  }

  test('a wrong password is refused in words, the right one shows a picture that goes on', async () => {
    const { page, close } = await open({ fresh: true });
    await logIn(page, 'not this one, surely');
    await page.locator('[role=alert] .problem').waitFor();
    assert.match(await page.locator('[role=alert] .problem').innerText(), /not the password/);
    await page.evaluate(AXE);
    await clean(page, 'the log-in');
    await shot(page, 'login');
    await logIn(page);
    await page.locator('[data-camera-id=crossing]').waitFor();
    assert.ok((await goesOn(page)) > 100, 'a picture of some width');
    const { status } = await page.request.get(`${url}/api/cameras`, { headers: { cookie: '' } }).then((answer) => ({ status: answer.status() }));
    assert.equal(status, 401, 'nothing without the cookie');
    await close();
  });

  test('a camera that is down says its cause and what to do', async () => {
    const { page, close } = await open({ camera: 'cellar' });
    await page.locator('[data-test=cause]').waitFor({ timeout: LONG_MS });
    assert.match(await page.locator('[data-test=cause]').innerText(), /refuses the connection[\s\S]*RTSP/);
    assert.equal(await page.locator('[data-test=picture]').count(), 0);
    await close();
  });

  test('a zone that is drawn by keyboard is tried, saved with the file’s comments, and in force', async () => {
    const { page, close } = await open();
    await goesOn(page);
    await until('somebody on the road', () => page.locator('[data-test=overlay] rect.track').count(), LONG_MS);
    await page.locator('[data-test=tab-now]').focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('[data-test=kind]').selectOption('intrusion');
    await page.locator('[data-test=add-rule]').press('Enter');
    // The first corner has the keys: all four go to the picture's edges.
    const ways = [['ArrowLeft', 'ArrowUp'], ['ArrowRight', 'ArrowUp'], ['ArrowRight', 'ArrowDown'], ['ArrowLeft', 'ArrowDown']];
    for (const [index, keys] of ways.entries()) {
      await page.locator(`[data-handles=zone] [data-corner="${index}"]`).focus();
      for (const key of keys) for (let n = 0; n < 28; n += 1) await page.keyboard.press(`Shift+${key}`);
    }
    const corners = () => page.locator('[data-handles=zone] [data-corner]').count();
    await page.keyboard.press('Enter');
    assert.equal(await corners(), 5, 'Enter adds a corner');
    await page.keyboard.press('Delete');
    assert.equal(await corners(), 4, 'Delete removes it');
    await page.keyboard.press('Control+z');
    assert.equal(await corners(), 5, 'taken back');
    await page.keyboard.press('Control+Shift+z');
    assert.equal(await corners(), 4, 'and done again');
    const tried = page.locator('[data-tried=intrusion]');
    await tried.waitFor();
    await until('the last minutes show somebody in it', async () => Number(await tried.getAttribute('data-begun')) > 0, LONG_MS);
    await shot(page, 'draw');
    const before = saved();
    await save(page);
    const expected = before.replace('seconds = 30\n', 'seconds = 30\n\n[[camera.rule]]\nid = "intrusion"\nkind = "intrusion"\nzone = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]\n');
    assert.equal(saved(), expected, 'nothing else is touched');
    await page.locator('[data-test=tab-now]').click();
    await page.locator('[data-rule=intrusion]').waitFor();
    await until('the rule is at work', () => page.locator('[data-rule=intrusion] [data-standing=told]').count(), LONG_MS);
    await shot(page, 'now');
    await close();
  });

  test('a zone that is drawn by mouse is saved, and the save is taken back', async () => {
    const { page, close } = await open();
    await goesOn(page);
    const before = saved();
    await page.locator('[data-test=tab-draw]').click();
    await page.locator('[data-draw-rule=lawn]').click();
    const stage = await page.locator('[data-test=overlay]').boundingBox();
    const at = (x, y) => [stage.x + x * stage.width, stage.y + y * stage.height];
    // A corner is dragged …
    await page.mouse.move(...at(0.12, 0.12));
    await page.mouse.down();
    await page.mouse.move(...at(0.3, 0.3), { steps: 4 });
    await page.mouse.up();
    await until('the corner has moved', async () => /30 %.*30 %/.test(await page.locator('[data-corner="2"]').getAttribute('aria-label')));
    // … and the whole of it clicked anew.
    await page.locator('[data-test=click-anew]').click();
    for (const [x, y] of [[0.2, 0.3], [0.8, 0.3], [0.8, 0.9], [0.2, 0.9], [0.2, 0.3]]) await page.mouse.click(...at(x, y));
    assert.equal(await page.locator('[data-handles=zone] [data-corner]').count(), 4, 'the first corner again ends it');
    await page.locator('[data-tried=lawn]').waitFor();
    await save(page);
    assert.match(saved(), /kind = "loiter" # for long\nzone = \[\[0\.\d+, 0\.\d+\], \[0\.\d+, 0\.\d+\], \[0\.\d+, 0\.\d+\], \[0\.\d+, 0\.\d+\]\]\nseconds = 30/);
    await page.locator('[data-test=undo-save]').click();
    await until('it is taken back', async () => /taken back/.test(await page.locator('[data-test=said]').innerText()));
    assert.equal(saved(), before);
    await close();
  });

  test('a zone is drawn by finger, and is not left without a question', async () => {
    const { page, close } = await open({ size: PHONE });
    await goesOn(page);
    await page.locator('[data-test=tab-draw]').tap();
    await page.locator('[data-draw-rule=lawn]').tap();
    await page.locator('[data-test=click-anew]').tap();
    await page.locator('[data-test=stage]').scrollIntoViewIfNeeded();
    const stage = await page.locator('[data-test=overlay]').boundingBox();
    for (const [x, y] of [[0.1, 0.2], [0.9, 0.2], [0.5, 0.9], [0.1, 0.2]]) await page.touchscreen.tap(stage.x + x * stage.width, stage.y + y * stage.height);
    assert.equal(await page.locator('[data-handles=zone] [data-corner]').count(), 3);
    const asked = new Promise((resolve) => page.once('dialog', (dialog) => dialog.dismiss().then(() => resolve(dialog.message()))));
    await page.locator('[data-test=choose-camera]').selectOption('cellar');
    assert.match(await asked, /not saved/);
    assert.equal(await page.locator('[data-camera-id=crossing]').count(), 1, 'it stays');
    await page.locator('[data-test=discard]').tap();
    await close();
  });

  test('a mask that is saved makes the picture black under it', async () => {
    const { page, close } = await open();
    await goesOn(page);
    await page.locator('[data-test=tab-draw]').click();
    await page.locator('[data-test=add-mask]').click();
    await page.locator('[data-handles=polygon]').waitFor();
    await save(page);
    assert.match(saved(), /\[\[camera\.mask\]\]\npolygon = \[\[0\.4, 0\.4\], /);
    /** The brightest level at a spot of the picture; none where it is not decoded yet. */
    const level = (x, y) => page.locator('[data-test=picture]').evaluate(async (image, [x, y]) => {
      await image.decode().catch(() => {});
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
      const draw = canvas.getContext('2d');
      draw.drawImage(image, 0, 0);
      const [red, green, blue, there] = draw.getImageData(canvas.width * x, canvas.height * y, 1, 1).data;
      return there === 255 ? Math.max(red, green, blue) : null;
    }, [x, y]);
    // Black is 16 here: video has its black there, and the JPEG carries it on.
    await until('black in the middle, and nowhere else', async () => {
      const [inside, outside] = [await level(0.5, 0.5), await level(0.5, 0.75)];
      return inside !== null && inside < 24 && outside > 40;
    }, LONG_MS);
    await page.locator('[data-test=undo-save]').click();
    await until('it is taken back', () => !/camera\.mask/.test(saved()));
    await close();
  });

  test('a camera is placed by typing and calibrated by points that tell their error', async () => {
    const { page, close } = await open();
    await goesOn(page);
    await page.locator('[data-test=tab-place]').click();
    for (const [key, value] of [['longitude', '120.15'], ['latitude', '30.27'], ['heading_deg', '90'], ['field_of_view_deg', '70']]) {
      await page.locator(`[data-place=${key}]`).fill(value);
      await page.keyboard.press('Tab');
    }
    await page.locator('[data-test=cone]').waitFor();
    const stage = await page.locator('[data-test=overlay]').boundingBox();
    await page.locator('[data-test=mark]').click();
    const known = [[0.1, 0.9, 120.1501, 30.27], [0.9, 0.9, 120.1501, 30.2699], [0.7, 0.4, 120.1504, 30.2699], [0.3, 0.4, 120.1504, 30.2701]];
    for (const [x, y] of known) await page.mouse.click(stage.x + x * stage.width, stage.y + y * stage.height);
    await page.locator('[data-test=mark]').click();
    for (const [index, [, , longitude, latitude]] of known.entries()) {
      const fields = page.locator(`[data-ground="${index}"] input`);
      await fields.nth(0).fill(String(longitude));
      await fields.nth(1).fill(String(latitude));
      await page.keyboard.press('Tab');
    }
    await page.locator('[data-test=ground-error]').first().waitFor();
    assert.match(await page.locator('[data-test=ground-error]').first().innerText(), /missed by 0.*m.*± .*m/);
    await shot(page, 'place');
    await save(page);
    assert.match(saved(), /heading_deg = 90\n[\s\S]*ground_points = \[\[0\.\d+, 0\.\d+, 120\.1501, 30\.27\], /);
    await page.locator('[data-test=undo-save]').click();
    await until('it is taken back', () => !/ground_points/.test(saved()));
    await close();
  });

  for (const [language, size, theme] of [['en', DESK, 'light'], ['zh', DESK, 'dark'], ['en', PHONE, 'dark'], ['zh', PHONE, 'light']]) {
    const where = `${language} ${size === PHONE ? 'phone' : 'desk'} ${theme}`;
    test(`axe finds nothing: ${where}`, async () => {
      const { page, close } = await open({ language, size, theme });
      await goesOn(page);
      await page.evaluate(AXE);
      for (const tab of ['now', 'draw', 'place']) {
        await page.locator(`[data-test=tab-${tab}]`).click();
        if (tab === 'draw') await page.locator('[data-draw-rule=lawn]').click();
        await clean(page, `${tab}, ${where}`);
        await shot(page, `${tab}-${where.replaceAll(' ', '-')}`);
        const wider = await page.evaluate(() => [...document.querySelectorAll('html, .desk, #panel')].some((one) => one.scrollWidth > one.clientWidth));
        assert.equal(wider, false, `${tab}, ${where}: nothing hangs over the side`);
      }
      await close();
    });
  }

  // The last one: the city is gone after it.
  test('a picture of a camera that stopped says its age, the cause and what to do', async () => {
    const { page, close } = await open();
    await goesOn(page);
    children[0].kill();
    await page.locator('[data-test=cause]').waitFor({ timeout: LONG_MS });
    await page.locator('[data-test=stale]').waitFor({ timeout: LONG_MS });
    const age = () => page.locator('[data-test=stale]').innerText();
    const first = await age();
    assert.match(first, /This picture is .* old: what happens now is not seen/);
    assert.match(await page.locator('[data-test=old]').innerText(), /what happens now is not seen/);
    assert.doesNotMatch(await page.locator('#panel').innerText(), /no event\./, 'silence is no safety');
    await until('its age to grow', async () => (await age()) !== first);
    await page.evaluate(AXE);
    await clean(page, 'a camera that stopped');
    await shot(page, 'stopped');
    await close();
  });
});
