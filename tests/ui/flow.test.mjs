// How the page keeps up with what arrives, taken from its source: when rows are shown, how often the map may draw, which
// signs lie on it. No browser, no hub.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, mock, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ui = fileURLToPath(new URL('../../hub/ui/', import.meta.url));
const { createServer } = await import(createRequire(`${ui}package.json`).resolve('vite'));
const vite = await createServer({ root: ui, configFile: false, appType: 'custom', logLevel: 'error', server: { middlewareMode: true, ws: false } });
after(() => vite.close());
const { Beat } = await vite.ssrLoadModule('/src/lib/beat.ts');
const { Pace } = await vite.ssrLoadModule('/src/map/pace.ts');
const { hit, laid } = await vite.ssrLoadModule('/src/map/marks.ts');

/** A clock that only `pass` moves; timers follow it. */
function clock() {
  let nowMs = 1000;
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(performance, 'now', () => nowMs);
  return {
    pass: async (ms) => {
      nowMs += ms;
      mock.timers.tick(ms);
      await null;
    },
    /** Time that work takes. */
    work: (ms) => (nowMs += ms),
    end: () => {
      mock.timers.reset();
      mock.restoreAll();
    },
  };
}

test('what arrives is shown at once, a flood together, and never later than a tenth of a second', async () => {
  const time = clock();
  let shown = 0;
  let costMs = 0;
  const beat = new Beat(() => {
    shown += 1;
    time.work(costMs);
  });
  beat.arrived();
  await time.pass(0);
  assert.equal(shown, 1, 'the first waits for nothing');
  for (let i = 0; i < 100; i += 1) beat.arrived();
  await time.pass(39);
  assert.equal(shown, 1);
  await time.pass(1);
  assert.equal(shown, 2, 'what follows soon comes together');
  costMs = 80;
  for (let i = 0; i < 20; i += 1) {
    beat.arrived();
    await time.pass(100);
  }
  assert.equal(beat.everyMs, 100, 'what is dear is shown less often, and still in time');
  beat.arrived();
  beat.stop();
  const before = shown;
  await time.pass(1000);
  assert.equal(shown, before, 'what was cleared is not shown');
  time.end();
});

test('the map waits for what all pictures of a drawing cost together', async () => {
  const time = clock();
  const frames = [];
  globalThis.document = { visibilityState: 'visible' };
  globalThis.requestAnimationFrame = (then) => frames.push(then);
  const picture = async (ms) => {
    pace.handed();
    pace.handed();
    frames.shift()();
    await time.pass(ms);
    frames.shift()();
  };
  const pace = new Pace();
  assert.equal(pace.waitMs, 500);
  for (let i = 0; i < 3; i += 1) await picture(60);
  assert.equal(pace.waitMs, 1800, 'three pictures of 60 ms are 180 ms, a tenth of 1.8 s');
  assert.ok(pace.late);
  for (let i = 0; i < 3; i += 1) {
    pace.drawn();
    await picture(10);
  }
  assert.ok(pace.waitMs < 1800, 'cheap drawings bring it back');
  time.end();
});

const sign = (id, severity, position, over = {}) => ({ kind: 'incident', id, severity, position, number: Number(id), waits: true, ...over });
const at = ([x, y]) => ({ x, y });

test('of signs that cover each other the most severe is drawn, above the rest, and numbers do not run into each other', () => {
  const drawn = laid([
    sign('1', 'low', [100, 100]), sign('2', 'urgent', [101, 101]), sign('3', 'high', [112, 100]), sign('4', 'medium', [5000, 100]),
    sign('5', 'low', [300, 300]), sign('cam', 'high', [300, 300], { kind: 'open', number: null }),
  ], at, 800, 600);
  assert.deepEqual(drawn.map(({ sign }) => sign.id), ['5', 'cam', '3', '2']);
  const byId = new Map(drawn.map((one) => [one.sign.id, one]));
  assert.equal(byId.get('2').label, '#2');
  assert.equal(byId.get('3').label, null, 'its number would run into that of 2');
  assert.deepEqual([byId.get('cam').x, byId.get('cam').y], [316, 284], 'beside the camera, not on it');
  assert.equal(hit(drawn, { x: 104, y: 103 }).id, '2');
  assert.equal(hit(drawn, { x: 316, y: 284 }), null, 'a camera is chosen by its own sign');
  assert.equal(hit(drawn, { x: 500, y: 500 }), null);
});

test('a flood of signs costs no more than the screen holds', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => sign(String(i), 'low', [(i * 37) % 1000, (i * 91) % 700]));
  const drawn = laid(many, at, 1000, 700);
  assert.ok(drawn.length <= 1500 && drawn.length > 500, `${drawn.length}`);
  assert.ok(drawn.filter(({ label }) => label).length <= 150);
});
