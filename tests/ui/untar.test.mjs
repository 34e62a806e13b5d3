// The archive of a clip as the page reads it, made by the system's own tar: no browser, no hub.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ui = fileURLToPath(new URL('../../hub/ui/', import.meta.url));
const { createServer } = await import(createRequire(`${ui}package.json`).resolve('vite'));
const vite = await createServer({ root: ui, configFile: false, appType: 'custom', logLevel: 'error', server: { middlewareMode: true, ws: false } });
after(() => vite.close());
const { untar } = await vite.ssrLoadModule('/src/pictures/tar.ts');

test('files come out as they went in, and of a cut archive only those that are whole', () => {
  const folder = mkdtempSync(join(tmpdir(), 'yiwang-tar-'));
  try {
    const clip = new Uint8Array(1500).map((_, i) => i);
    writeFileSync(join(folder, 'manifest.json'), '{"a":1}');
    writeFileSync(join(folder, 'clip.mp4'), clip);
    const whole = new Uint8Array(execFileSync('tar', ['-cf', '-', '--format=ustar', '-C', folder, 'manifest.json', 'clip.mp4']));
    const files = untar(whole);
    assert.deepEqual([...files.keys()], ['manifest.json', 'clip.mp4']);
    assert.equal(new TextDecoder().decode(files.get('manifest.json')), '{"a":1}');
    assert.deepEqual(files.get('clip.mp4'), clip);
    assert.deepEqual([...untar(whole.slice(0, 2000)).keys()], ['manifest.json']);
    assert.equal(untar(new Uint8Array(100)).size + untar(new Uint8Array(2048).fill(65)).size, 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
