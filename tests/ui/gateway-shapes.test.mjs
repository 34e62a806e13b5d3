// Lines and polygons as they are drawn on the gateway's page, taken from its source through Vite: no browser, no gateway.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ui = fileURLToPath(new URL('../../hub/ui/', import.meta.url));
const { createServer } = await import(createRequire(`${ui}package.json`).resolve('vite'));
const vite = await createServer({ root: ui, configFile: false, appType: 'custom', logLevel: 'error', server: { middlewareMode: true, ws: false } });
after(() => vite.close());
const { fault, metres, middle, moved, shifted, split, without } = await vite.ssrLoadModule('/src/gateway/shapes.ts');

const SQUARE = [[0.2, 0.2], [0.6, 0.2], [0.6, 0.6], [0.2, 0.6]];

test('corners stay inside the picture, and a shape keeps its form when it meets the edge', () => {
  assert.deepEqual(moved(SQUARE, 0, [-0.5, 0.1])[0], [0, 0.3]);
  assert.deepEqual(shifted(SQUARE, [0.9, -0.1]), [[0.6, 0.1], [1, 0.1], [1, 0.5], [0.6, 0.5]]);
  assert.deepEqual(shifted(SQUARE, [-0.9, -0.9])[0], [0, 0]);
});

test('a corner comes in the middle of its side, and goes', () => {
  const five = split(SQUARE, 3);
  assert.deepEqual(five[4], [0.2, 0.4]);
  assert.deepEqual(without(five, 4), SQUARE);
  assert.deepEqual(middle(SQUARE), [0.4, 0.4]);
});

test('what the gateway would refuse is known before', () => {
  assert.equal(fault(SQUARE), null);
  assert.equal(fault(SQUARE.slice(0, 2)), 'few');
  assert.equal(fault([[0.1, 0.1], [0.5, 0.5], [0.5, 0.1], [0.1, 0.6]]), 'crosses');
  assert.equal(fault([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]), 'flat');
  assert.equal(fault([[0, 0], [1, 0], [1, 1], [0.5, 0.2]]), null, 'a dent is none');
});

test('degrees become metres east and north', () => {
  const [east, north] = metres([120, 30], [120.0001, 30.0001]);
  assert.ok(Math.abs(east - 9.64) < 0.02 && Math.abs(north - 11.13) < 0.02);
});
