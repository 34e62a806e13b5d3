// Looking through a camera in a real browser: a real camera, gateway and hub, and pictures that decode and go on.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { AXE, DESK, binary, clean, missing, openBrowser, openDesk, openHub, until } from './support.mjs';

const assets = process.env.YIWANG_ASSETS ?? fileURLToPath(new URL('../../../shared/', import.meta.url));
const clip = join(assets, 'clips/one-by-one-person-detection.mp4');
const model = join(assets, 'models/yolox_nano_416.onnx');
const absent = ['yiwang-gateway', 'yiwang-rtsp'].map(binary).concat(clip, model).filter((file) => !existsSync(file));
const reason = process.env.YIWANG_UI_URL ? 'it starts a hub of its own' : missing() ?? (absent.length > 0 ? `there is no ${absent.join(', ')}` : null);

describe('looking through a camera', { skip: reason ?? false }, () => {
  let browser;
  let hub;
  let command;

  before(async () => {
    browser = await openBrowser();
    hub = await openHub(browser, site);
  });
  after(async () => {
    await browser?.close();
    hub?.stop();
  });

  /** A camera behind a gateway of the police, and leave for the centre to look through it. */
  async function site({ quic, data, start, token }) {
    command = (...args) => execFileSync(binary('yiwang-hub'), [...args, '--data', data], { encoding: 'utf8' });
    const times = join(data, 'camera.jsonl');
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    start('yiwang-rtsp', '--listen', `127.0.0.1:${port}`, '--camera', `east=${clip}`, '--schedule', times);
    const config = join(data, 'gateway.toml');
    const camera = (id, more = '') => `[[camera]]\nid = "${id}"\nurl = "rtsp://127.0.0.1:${port}/east"\nposition = [120.15, 30.27]\n${more}`;
    const rule = '[[camera.rule]]\nid = "room"\nkind = "intrusion"\nzone = [[0, 0], [1, 0], [1, 1], [0, 1]]\nclasses = ["person"]\n';
    const mask = '[[camera.mask]]\npolygon = [[0, 0], [0.3, 0], [0.3, 0.5], [0, 0.5]]\n';
    writeFileSync(config, `state_dir = "${data}/gateway"\n[model]\nfile = "${model}"\nfamily = "yolox"\n[admin]\nlisten = "127.0.0.1:0"\n${camera('east', rule)}${camera('masked', mask)}`);
    execFileSync(binary('yiwang-gateway'), ['join', quic, token('police'), '--name', 'site', '--state-dir', join(data, 'gateway')]);
    command('grant', 'add', '--department', 'operations', '--sees', 'pictures/police');
    start('yiwang-gateway', 'run', '--config', config);
  }

  async function camera(id, options, look) {
    const opened = await openDesk(browser, hub, options);
    try {
      const { page } = opened;
      const row = page.locator(`[data-camera$="/${id}"]`).first();
      await row.waitFor();
      await row.click();
      await page.locator('[data-test=camera-detail]').waitFor();
      await look(page, page.locator('[data-test=look]').first());
      assert.deepEqual(opened.outside, [], 'requests that leave the machine');
      assert.deepEqual(opened.errors, [], 'errors in the page');
    } finally {
      await opened.context.close();
    }
  }

  /** A reason is asked for once; it is kept while the camera is looked at. */
  async function ask(page, button) {
    await page.locator(button).first().click();
    const reason = page.locator('[data-test=look-reason] input');
    if ((await reason.count()) === 0) return;
    await reason.fill('who fell at the gate?');
    await page.keyboard.press('Enter');
  }

  test('a still comes with its age, after a reason that stands in the record', () => camera('east', { size: DESK }, async (page, look) => {
    await until('a still is shown', async () => {
      if (await look.locator('[data-test=still-picture]').count()) return true;
      // The camera may not have sent anything yet: that is told, and asked again.
      await ask(page, '[data-test=still]');
      await look.locator('[data-test=still-picture], [role=alert] p').first().waitFor();
      return false;
    }, 60_000);
    const width = await look.locator('[data-test=still-picture]').evaluate(async (image) => (await image.decode(), image.naturalWidth));
    assert.ok(width > 100, `${width} px`);
    assert.match(await look.locator('[data-test=picture-age]').innerText(), /old/);
    await page.evaluate(AXE);
    await clean(page, 'a still');
    // It stays while the page reads the registry anew, every other second.
    const age = () => look.locator('[data-test=picture-age]').innerText();
    const before = await age();
    await until('its age to grow', async () => (await age()) !== before);
    await page.waitForResponse((response) => response.url().endsWith('/api/v1/cameras'));
    await page.waitForResponse((response) => response.url().endsWith('/api/v1/cameras'));
    assert.equal(await look.locator('[data-test=still-picture]').count(), 1);
    assert.match(command('audit', 'list'), /who fell at the gate\?/);
  }));

  test('live video decodes, goes on and says how far behind it is', () => camera('east', { size: DESK }, async (page, look) => {
    await ask(page, '[data-test=live-button]');
    const frames = () => look.locator('video').evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames).catch(() => 0);
    const first = await until('the first picture', frames, 60_000);
    const later = await until('pictures that go on', async () => ((await frames()) > first + 20 ? frames() : 0), 60_000);
    assert.ok(later > first + 20);
    // Not keyframes alone: what is between them was taken for part of the same video.
    const ranges = await look.locator('video').evaluate((video) => video.buffered.length);
    assert.ok(ranges <= 2, `${ranges} pieces of video`);
    const age = Number(await look.locator('[data-test=live]').getAttribute('data-age'));
    assert.ok(Number.isFinite(age), 'its age is known');
    await page.evaluate(AXE);
    await clean(page, 'live video');
    // Whoever may no longer look is told so, and sees nothing more.
    command('grant', 'remove', '--department', 'operations', '--sees', 'pictures/police');
    await look.locator('[role=alert] p').waitFor();
    assert.equal(await look.locator('video').count(), 0);
    command('grant', 'add', '--department', 'operations', '--sees', 'pictures/police');
  }));

  test('the clip around an event plays, says of when it is, and is downloaded with its manifest', async () => {
    const opened = await openDesk(browser, hub, { size: DESK });
    const { page } = opened;
    try {
      // The gateway hashes the clip when the event ends: an event that has ended is chosen.
      const found = await until('somebody to have come and gone', () => page.evaluate(async () => {
        const { events } = await (await fetch('/api/v1/events?kind=intrusion&phase=end&limit=1')).json();
        return events[0] ?? null;
      }), 180_000);
      await page.goto(`${hub.url}/#/event/${found.cause}`);
      const look = page.locator('[data-test=event-detail] ~ section [data-test=look]');
      await look.waitFor();
      await ask(page, '[data-test=clip-button]');
      await look.locator('[data-test=clip] video').waitFor();
      const frames = () => look.locator('video').evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames);
      const at = () => look.locator('video').evaluate((video) => video.currentTime);
      const first = await until('the first picture', frames);
      const [seen, time] = [await frames(), await at()];
      await until('pictures that go on', async () => (await frames()) > Math.max(first, seen) + 10 && (await at()) > time);
      const { duration, width } = await look.locator('video').evaluate((video) => ({ duration: video.duration, width: video.videoWidth }));
      assert.ok(Number.isFinite(duration) && duration > 3 && width > 100, `${duration} s, ${width} px`);
      assert.match(await look.locator('[data-test=clip]').innerText(), /Not live: taken .* ago/);
      assert.match(await look.locator('[data-test=clip-time]').innerText(), /long/);
      await page.evaluate(AXE);
      await clean(page, 'a clip');
      const [download] = await Promise.all([page.waitForEvent('download'), look.locator('[data-test=clip-download]').click()]);
      assert.match(download.suggestedFilename(), /^east-.*\.tar$/);
      const archive = await download.path();
      const entry = (name) => execFileSync('tar', ['-xOf', archive, name], { maxBuffer: 1 << 26 });
      const manifest = JSON.parse(entry('manifest.json').toString());
      assert.equal(createHash('sha256').update(entry('clip.mp4')).digest('hex'), manifest.clip.sha256);
      assert.equal(manifest.asked.why, 'who fell at the gate?');
      assert.match(command('audit', 'list'), /pictures\.clip_taken/);
      assert.deepEqual(opened.outside, [], 'requests that leave the machine');
      assert.deepEqual(opened.errors, [], 'errors in the page');
    } finally {
      await opened.context.close();
    }
  });

  test('a masked camera is refused live in words', () => camera('masked', { size: DESK }, async (page, look) => {
    await ask(page, '[data-test=live-button]');
    await until('the refusal', async () => /masked/.test(await look.locator('[role=alert]').innerText()), 60_000);
  }));
});
