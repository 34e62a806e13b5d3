// What the plots count: which hour something began in, and what lies outside.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ui = fileURLToPath(new URL('../../hub/ui/', import.meta.url));
const { createServer } = await import(createRequire(`${ui}package.json`).resolve('vite'));
const vite = await createServer({ root: ui, configFile: false, appType: 'custom', logLevel: 'error', server: { middlewareMode: true, ws: false } });
after(() => vite.close());
const { firstHourMs, trends } = await vite.ssrLoadModule('/src/lib/trends.ts');

const NOW_MS = Date.parse('2026-09-22T10:20:00Z');
const at = (kind, begin) => ({ kind, begin });

test('each begin counts in its own hour, the running hour last, the busiest kind first', () => {
  assert.equal(firstHourMs(NOW_MS, 3), Date.parse('2026-09-22T08:00:00Z'));
  const found = trends([
    at('crowd', '2026-09-22T10:00:00.000Z'), at('loiter', '2026-09-22T08:00:00.000Z'), at('loiter', '2026-09-22T08:59:59.999Z'),
    at('loiter', '2026-09-22T09:00:00.000Z'),
  ], NOW_MS, 3);
  assert.deepEqual(found, [{ kind: 'loiter', hours: [2, 1, 0], total: 3 }, { kind: 'crowd', hours: [0, 0, 1], total: 1 }]);
});

test('what is older, from a clock that is ahead, or no time at all is not counted', () => {
  const outside = ['2026-09-22T07:59:59.999Z', '2026-09-22T11:00:00.000Z', 'yesterday'].map((begin) => at('crowd', begin));
  assert.deepEqual(trends(outside, NOW_MS, 3), []);
});
