// The base map in a real browser: the city's own streets from the hub's own origin, and cameras where a shifted map has them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AXE, binary, clean, missing, openBrowser, openDesk, openHub, showEvents, until } from './support.mjs';

const city = existsSync(binary('yiwang-city')) ? null : 'no yiwang-city in target/release';
const reason = process.env.YIWANG_UI_URL ? 'the hub under YIWANG_UI_URL has its own base map' : (missing() ?? city);

const require = createRequire(fileURLToPath(new URL('../../hub/ui/package.json', import.meta.url)));
/** Where the city is, so that the feeder's cameras stand in its streets. */
const AT = [120.1632, 30.2741];
const CREDIT = '[data-test=basemap-credit]';

function streets(coordinates) {
  return {
    prepare: (data) => {
      execFileSync(binary('yiwang-city'), ['streets', '--out', join(data, 'streets.pmtiles')]);
      writeFileSync(join(data, 'hub.toml'), `basemap = "streets.pmtiles"\nbasemap_coordinates = "${coordinates}"\n`);
    },
    feed: ({ quic, start, token }) => start('yiwang-feeder', '--hub', quic, '--token', token('police'), '--name', 'police', '--at', AT.join(',')),
  };
}

for (const coordinates of ['wgs84', 'gcj02']) {
  describe(`the base map in ${coordinates}`, { skip: reason ?? false }, () => {
    let browser;
    let hub;

    before(async () => {
      browser = await openBrowser();
      const { feed, prepare } = streets(coordinates);
      hub = await openHub(browser, feed, prepare);
    });
    after(async () => {
      await browser?.close();
      hub?.stop();
    });

    async function desk(options, look) {
      const opened = await openDesk(browser, hub, options);
      try {
        await showEvents(opened.page);
        await opened.page.locator(CREDIT).waitFor();
        await look(opened.page);
        assert.deepEqual(opened.outside, [], 'requests that leave the machine');
        assert.deepEqual(opened.errors, [], 'errors in the page');
      } finally {
        await opened.context.close();
      }
    }

    /** Names of the base map's layers that are drawn now, with the kinds in them. */
    const drawn = (page) => page.evaluate(() => {
      const { map } = window.__yiwang;
      const layers = map.getStyle().layers.map(({ id }) => id).filter((id) => id.startsWith('base-'));
      return [...new Set(map.queryRenderedFeatures({ layers }).flatMap(({ layer, properties }) => [layer.id, properties.kind]))];
    });

    const cameras = (page) => page.evaluate(async () => {
      const told = (await (await fetch('/api/v1/cameras')).json()).cameras.filter(({ position }) => position);
      const { map } = window.__yiwang;
      return told.map(({ id, position }) => ({ id, position, drawn: map.querySourceFeatures('cameras').find((one) => one.properties.id === id)?.geometry.coordinates }));
    });

    test('cameras stand where the map has their places', () => desk({}, async (page) => {
      const found = await until('all cameras are drawn', async () => {
        const all = await cameras(page);
        return all.length > 0 && all.every((one) => one.drawn) && all;
      });
      for (const { id, position, drawn: at } of found) {
        const eastM = (at[0] - position[0]) * 111_320 * Math.cos((position[1] * Math.PI) / 180);
        // Around this place GCJ-02 lies 450 m further east.
        if (coordinates === 'gcj02') assert.ok(eastM > 400 && eastM < 550, `${id} is drawn ${eastM} m further east`);
        else assert.ok(Math.abs(eastM) < 0.5, `${id} is drawn ${eastM} m away`);
      }
    }));

    if (coordinates === 'gcj02') return;

    test('the city’s streets, houses and water lie under the cameras, in both themes, and axe finds nothing', () => desk({ language: 'en', theme: 'light' }, async (page) => {
      await page.evaluate(([lng, lat]) => window.__yiwang.map.jumpTo({ center: [lng, lat], zoom: 16 }), AT);
      const parts = ['base-roads-area', 'base-buildings', 'base-water', 'base-landuse', 'base-places-name', 'construction', 'major_road', 'marking'];
      await until('the streets are drawn', async () => {
        const now = await drawn(page);
        return parts.every((part) => now.includes(part));
      });
      const colour = () => page.evaluate(() => window.__yiwang.map.getPaintProperty('base-buildings', 'fill-color'));
      const light = await colour();
      const order = await page.evaluate(() => window.__yiwang.map.getStyle().layers.map(({ id }) => id));
      assert.ok(order.findLastIndex((id) => id.startsWith('base-')) < order.indexOf('cameras'), 'cameras lie above the base map');
      assert.match(await page.locator(CREDIT).textContent(), /simulated city/);
      await page.evaluate(AXE);
      await clean(page, 'the desk with a base map');
      await page.evaluate(() => document.documentElement.dataset.theme);
      await page.click('[data-test=theme]');
      await until('the map follows the theme', async () => (await colour()) !== light);
    }));

    test('the file is for those who have logged in, by ranges, and PMTiles’ own reader reads it', async () => {
      const url = `${hub.url}/api/v1/basemap`;
      assert.equal((await fetch(url, { headers: { range: 'bytes=0-99' } })).status, 401);
      await desk({}, async (page) => {
        const asked = await page.evaluate(async (range) => {
          const answer = await fetch('/api/v1/basemap', range === null ? {} : { headers: { range } });
          const bytes = answer.status === 206 ? [...new Uint8Array(await answer.arrayBuffer())] : null;
          return { status: answer.status, bytes, range: answer.headers.get('content-range'), etag: answer.headers.get('etag') };
        }, 'bytes=0-126');
        assert.equal(asked.status, 206);
        assert.match(asked.range, /^bytes 0-126\/\d+$/);
        assert.ok(asked.etag, 'another file can be told from this one');
        const { bytesToHeader } = require('pmtiles');
        const header = bytesToHeader(new Uint8Array(asked.bytes).buffer, asked.etag);
        assert.equal(header.tileType, 1);
        assert.ok(header.minLon < AT[0] && header.maxLon > AT[0] && header.minLat < AT[1] && header.maxLat > AT[1], 'the city is where its cameras are');
      });
    });
  });
}
