// Shifted coordinates, taken from the page's source through Vite: no browser, no hub.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ui = fileURLToPath(new URL('../../hub/ui/', import.meta.url));
const { createServer } = await import(createRequire(`${ui}package.json`).resolve('vite'));
const vite = await createServer({ root: ui, configFile: false, appType: 'custom', logLevel: 'error', server: { middlewareMode: true, ws: false } });
after(() => vite.close());
const { fromGcj02, toGcj02 } = await vite.ssrLoadModule('/src/lib/gcj02.ts');

const metres = ([x, y], [u, v]) => Math.hypot((x - u) * 111_320 * Math.cos((y * Math.PI) / 180), (y - v) * 111_320);

test('known points lie where the public transform has them', () => {
  // From the tests of github.com/googollee/eviltransform, which takes a slightly other axis: good to a metre.
  for (const [wgs, gcj] of [[[121.5272106, 31.1774276], [121.531541859215, 31.17530398364597]], [[113.912316, 22.543847], [113.9171764808363, 22.540796131694766]]]) {
    assert.ok(metres(toGcj02(wgs), gcj) < 2, `${toGcj02(wgs)} is not ${gcj}`);
  }
});

test('there and back is the same place, within a centimetre, all over the country', () => {
  for (let longitude = 74; longitude < 136; longitude += 0.7) {
    for (let latitude = 3; latitude < 54; latitude += 0.9) {
      const shifted = toGcj02([longitude, latitude]);
      const far = metres(shifted, [longitude, latitude]);
      assert.ok(far > 5 && far < 1200, `${longitude}, ${latitude} is shifted by ${far} m`);
      assert.ok(metres(fromGcj02(shifted), [longitude, latitude]) < 0.01, `${longitude}, ${latitude}`);
    }
  }
});

test('elsewhere nothing is shifted', () => {
  for (const place of [[2.35, 48.86], [-74, 40.7], [151.2, -33.9]]) assert.deepEqual([toGcj02(place), fromGcj02(place)], [place, place]);
});
