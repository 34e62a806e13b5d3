// The order of the incident queue, its filter and the exported files, taken from the page's source: no browser, no hub.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ui = fileURLToPath(new URL('../../hub/ui/', import.meta.url));
const { createServer } = await import(createRequire(`${ui}package.json`).resolve('vite'));
const vite = await createServer({ root: ui, configFile: false, appType: 'custom', logLevel: 'error', server: { middlewareMode: true, ws: false } });
after(() => vite.close());
const { compare, passes, queryOf } = await vite.ssrLoadModule('/src/lib/incident-order.ts');
const { csvOf, geoJsonOf, incidentTable } = await vite.ssrLoadModule('/src/lib/export.ts');

const at = (minute) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
let number = 0;
const incident = (over) => ({
  id: `i${(number += 1)}`, number, severity: 'low', shown_as: 'new', state: 'new', created: at(number), kind: 'crowd', kinds: ['crowd'], place: '东门',
  departments: ['police'], cameras: ['gw/1'], owner: null, resolution: null, position: null, ...over,
});
const words = { kindLabel: (kind) => (kind === 'crowd' ? '人群聚集' : kind), departmentName: (id) => id, cameraName: (id) => id };
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
  assert.ok(passes(mine, filter({ view: 'mine' }), 'li', words));
  assert.ok(!passes(mine, filter({ view: 'mine' }), 'wang', words));
  assert.ok(!passes(shelved, filter(), 'li', words) && passes(shelved, filter({ view: 'shelved' }), 'li', words));
  for (const text of ['聚集', '东门', `#${mine.number}`, 'police crowd']) assert.ok(passes(mine, filter({ text }), 'li', words), text);
  assert.ok(!passes(mine, filter({ text: '西门' }), 'li', words));
});

test('the query asks the hub for what the screen shows', () => {
  const query = queryOf(filter({ view: 'unacknowledged', severity: 'high', text: ' 东门 ' }), ['low', 'medium', 'high', 'urgent']);
  assert.deepEqual(Object.fromEntries(query), { state: 'new,cleared_unacknowledged', severity: 'high,urgent', q: '东门', order: 'urgent' });
});

test('an exported cell can neither break out of its row nor run as a formula', () => {
  const csv = csvOf(incidentTable([incident({ place: '=1+1,"x"\n' })]));
  assert.ok(csv.startsWith('\uFEFF'));
  assert.ok(csv.includes(`"'=1+1,""x""\n"`));
  const { features } = JSON.parse(geoJsonOf(incidentTable([incident({ position: [120.1, 30.2] }), incident({})])));
  assert.deepEqual([features[0].geometry.coordinates, features[1].geometry], [[120.1, 30.2], null]);
});
