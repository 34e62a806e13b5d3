// The queue's logic, taken from the page's source through Vite: no browser, no hub.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ui = fileURLToPath(new URL('../../hub/ui/', import.meta.url));
const { createServer } = await import(createRequire(`${ui}package.json`).resolve('vite'));
const vite = await createServer({ root: ui, configFile: false, appType: 'custom', logLevel: 'error', server: { middlewareMode: true, ws: false } });
after(() => vite.close());
const { Fold, ROWS_MAX, UPDATES_MAX, eventsOf } = await vite.ssrLoadModule('/src/lib/fold.ts');

const at = (second) => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
const event = (id, second, phase = 'begin', cause = null, severity = 'low') =>
  ({ id, phase, cause, severity, captured: at(second), kind: 'intrusion', attributes: {} });
const keys = (fold) => fold.order.map((row) => row.key);

test('begin, update and end become one row, in whatever order they come', () => {
  const phases = [event('b', 1), event('u', 2, 'update', 'b', 'high'), event('e', 3, 'end', 'b')];
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]]) {
    const fold = new Fold();
    for (const i of order) fold.add(phases[i]);
    assert.deepEqual(keys(fold), ['b']);
    const [row] = fold.order;
    assert.deepEqual(eventsOf(row).map((e) => e.id), ['b', 'u', 'e']);
    assert.equal(row.severity, 'high');
    assert.equal(row.timeMs, Date.parse(at(1)));
  }
});

test('an event that comes twice is counted once', () => {
  const fold = new Fold();
  assert.deepEqual(fold.add(event('a', 1)), { fresh: true, newRow: true });
  assert.deepEqual(fold.add(event('a', 1)), { fresh: false, newRow: false });
  fold.add(event('u', 2, 'update', 'a'));
  fold.add(event('u', 2, 'update', 'a'));
  assert.equal(fold.order[0].updateCount, 1);
});

test('a back-filled event takes its place in time, not the top', () => {
  const fold = new Fold();
  for (const [id, second] of [['a', 10], ['c', 30], ['b', 20]]) fold.add(event(id, second));
  assert.deepEqual(keys(fold), ['c', 'b', 'a']);
});

test('rows and updates are bounded and the oldest rows go first', () => {
  const fold = new Fold();
  for (let i = 0; i < ROWS_MAX + 100; i++) fold.add(event(`e${i}`, i));
  assert.equal(fold.order.length, ROWS_MAX);
  assert.equal(fold.order.at(-1).key, 'e100');
  const newest = fold.order[0].key;
  for (let i = 0; i < 1000; i++) fold.add(event(`u${i}`, ROWS_MAX + 200 + i, 'update', newest));
  const row = fold.get(newest);
  assert.equal(row.updates.length, UPDATES_MAX);
  assert.equal(row.updateCount, 1000);
  assert.equal(row.latest.id, 'u999');
});
