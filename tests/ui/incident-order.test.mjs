// The order of the incident queue and its filter, taken from the page's source: no browser, no hub.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ui = fileURLToPath(new URL('../../hub/ui/', import.meta.url));
const { createServer } = await import(createRequire(`${ui}package.json`).resolve('vite'));
const vite = await createServer({ root: ui, configFile: false, appType: 'custom', logLevel: 'error', server: { middlewareMode: true, ws: false } });
after(() => vite.close());
const { compare, inGroups, passer, queryOf, sumsOf, surplus } = await vite.ssrLoadModule('/src/lib/incident-order.ts');

const events = await vite.ssrLoadModule('/src/lib/filter.ts');

const at = (minute) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
let number = 0;
const incident = (over) => ({
  id: `i${(number += 1)}`, number, severity: 'low', shown_as: 'new', state: 'new', created: at(number), kind: 'crowd', kinds: ['crowd'], place: '东门',
  departments: ['police'], cameras: ['gw/1'], owner: null, resolution: null, position: null, ...over,
});
const words = { stamp: 'zh', kindLabel: (kind) => (kind === 'crowd' ? '人群聚集' : kind), departmentName: (id) => id, cameraName: (id) => id };
const filter = (over) => ({ view: 'open', department: '', kind: '', camera: '', severity: 'low', text: '', order: 'urgent', ...over });

test('what waits comes before what is worked on, urgent before low, and who waits longest first', () => {
  const old = incident({ id: 'old', severity: 'high' });
  const young = incident({ id: 'young', severity: 'high' });
  const taken = incident({ id: 'taken', severity: 'urgent', shown_as: 'acknowledged' });
  const urgent = incident({ id: 'urgent', severity: 'urgent', shown_as: 'cleared_unacknowledged' });
  const done = incident({ id: 'done', severity: 'urgent', shown_as: 'resolved' });
  const order = [done, young, taken, old, urgent].sort(compare('urgent')).map(({ id }) => id);
  assert.deepEqual(order, ['urgent', 'old', 'young', 'taken', 'done']);
});

test('a view shows its own, and two Chinese characters are found', () => {
  const mine = incident({ owner: 'li', shown_as: 'acknowledged', state: 'acknowledged' });
  const shelved = incident({ shown_as: 'shelved' });
  assert.ok(passer(filter({ view: 'mine' }), 'li', words)(mine));
  assert.ok(!passer(filter({ view: 'mine' }), 'wang', words)(mine));
  assert.ok(!passer(filter(), 'li', words)(shelved) && passer(filter({ view: 'shelved' }), 'li', words)(shelved));
  for (const text of ['聚集', '东门', `#${mine.number}`, 'police crowd']) assert.ok(passer(filter({ text }), 'li', words)(mine), text);
  assert.ok(!passer(filter({ text: '西门' }), 'li', words)(mine));
  // What was made of the labels is made anew where a label changed.
  const english = { ...words, stamp: 'en', kindLabel: () => 'Crowd of people' };
  assert.ok(passer(filter({ text: 'crowd of' }), 'li', english)(mine) && !passer(filter({ text: '聚集' }), 'li', english)(mine));
});

test('in a flood what is urgent stands first, and what waits is together by its cause', () => {
  const of = (id, kind, gateway, over = {}) => incident({ id, kind, kinds: [kind], cameras: [`${gateway}/1`], ...over });
  const all = [
    of('a1', 'line_cross', 'a'), of('b1', 'loiter', 'b', { severity: 'high' }), of('a2', 'line_cross', 'a'), of('taken', 'loiter', 'b', { severity: 'urgent', shown_as: 'acknowledged' }),
    of('urgent', 'line_cross', 'a', { severity: 'urgent' }), of('a3', 'line_cross', 'a'), of('b2', 'loiter', 'b'), of('c1', 'line_cross', 'c'),
  ];
  assert.deepEqual(inGroups(all).map(({ id }) => id), ['urgent', 'b1', 'b2', 'a1', 'a2', 'a3', 'c1', 'taken']);
});

test('one walk tells every number of the page', () => {
  const sums = sumsOf([
    incident({ severity: 'urgent', overdue: true, cameras: ['gw/1', 'gw/2'] }), incident({ severity: 'low', shown_as: 'acknowledged', state: 'acknowledged', owner: 'li' }),
    incident({ shown_as: 'resolved', state: 'resolved' }), incident({ shown_as: 'closed', state: 'closed' }), incident({ shown_as: 'suppressed' }),
  ], 'li');
  assert.deepEqual(sums.views, { open: 3, unacknowledged: 1, mine: 1, shelved: 0, suppressed: 1, closed: 1 });
  assert.deepEqual([sums.bySeverity.urgent, sums.bySeverity.low], [{ open: 1, waiting: 1, overdue: 1 }, { open: 1, waiting: 0, overdue: 0 }]);
  assert.deepEqual([...sums.openByCamera], [['gw/1', { count: 2, severity: 'urgent' }], ['gw/2', { count: 1, severity: 'urgent' }]]);
});

test('a page without room lets go of what is done first, then of what is least urgent, never of what is worked on', () => {
  const [urgent, low, mine, closed, resolved] = [
    incident({ id: 'urgent', severity: 'urgent' }), incident({ id: 'low' }), incident({ id: 'mine', owner: 'li' }),
    incident({ id: 'closed', shown_as: 'closed', state: 'closed', change: 9 }), incident({ id: 'resolved', shown_as: 'resolved', state: 'resolved', change: 1 }),
  ];
  const all = [closed, low, urgent, mine, resolved];
  const let_go = (most) => surplus(all, most, ({ owner }) => owner === 'li').map(({ id }) => id);
  assert.deepEqual(let_go(5), []);
  assert.deepEqual(let_go(3), ['closed', 'resolved']);
  assert.deepEqual(let_go(1), ['low', 'closed', 'resolved'], 'mine is kept');
});

test('the query asks the hub for what the screen shows', () => {
  const query = queryOf(filter({ view: 'unacknowledged', severity: 'high', text: ' 东门 ' }), ['low', 'medium', 'high', 'urgent']);
  assert.deepEqual(Object.fromEntries(query), { state: 'new,cleared_unacknowledged', severity: 'high,urgent', q: '东门', order: 'urgent' });
  const ofEvents = events.queryOf({ department: '', kind: 'crowd', camera: '', severity: 'high', text: ' 东门 ' });
  assert.deepEqual(Object.fromEntries(ofEvents), { q: '东门', kind: 'crowd', severity: 'high,urgent' });
});
