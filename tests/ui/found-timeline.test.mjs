// The bars of what a search found: how long one is, what falls into it, and that days are local ones.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ui = fileURLToPath(new URL('../../hub/ui/', import.meta.url));
const { createServer } = await import(createRequire(`${ui}package.json`).resolve('vite'));
const vite = await createServer({ root: ui, configFile: false, appType: 'custom', logLevel: 'error', server: { middlewareMode: true, ws: false } });
after(() => vite.close());
const { barsOf } = await vite.ssrLoadModule('/src/lib/found-timeline.ts');

const at = (time, severity = 'low') => ({ atMs: Date.parse(time), severity });

test('bars are as long as people count, from the first to the last, each found thing in one', () => {
  const bars = barsOf([at('2026-09-22T10:00:07Z', 'urgent'), at('2026-09-22T10:29:59Z'), at('2026-09-22T10:00:59Z')], 0, 48);
  assert.equal(bars.length, 30, 'a minute each');
  assert.deepEqual([bars[0].fromMs, bars[0].toMs], [Date.parse('2026-09-22T10:00:00Z'), Date.parse('2026-09-22T10:01:00Z')]);
  assert.deepEqual(bars[0].bySeverity, { low: 1, medium: 0, high: 0, urgent: 1 });
  assert.deepEqual([bars.reduce((sum, { count }) => sum + count, 0), bars[29].count, bars[1].count], [3, 1, 0]);
});

test('many days are cut where the local day begins, and there are never too many bars', () => {
  const bars = barsOf([at('2026-09-01T15:30:00Z'), at('2026-09-20T15:59:00Z')], 8 * 3_600_000, 48);
  assert.deepEqual([bars.length, bars[0].fromMs], [20, Date.parse('2026-08-31T16:00:00Z')]);
  for (const days of [0.001, 0.1, 3, 200, 5000]) {
    const span = barsOf([at('2010-01-01T00:00:00Z'), { atMs: Date.parse('2010-01-01T00:00:00Z') + days * 86_400_000, severity: 'low' }], 0, 14);
    assert.ok(span.length >= 1 && span.length <= 14 && span.at(-1).count >= 1, `${days} days are ${span.length} bars`);
  }
});

test('what has no time is left out, and nothing has no bars', () => {
  assert.deepEqual(barsOf([{ atMs: NaN, severity: 'low' }], 0, 48), []);
  assert.equal(barsOf([at('2026-09-22T10:00:00Z')], 0, 48).length, 1);
});
