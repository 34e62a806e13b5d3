// A page that was built but not yet compiled into the hub: serves a folder's files in front of a hub and hands everything
// else on, streams included. With YIWANG_UI_DIST the page's tests look at that folder's page, so that a change of the page
// is tested in seconds; what is delivered stands in the binary, and is what `tests/run` tests.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { extname, join, normalize } from 'node:path';

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml', '.geojson': 'application/json', '.json': 'application/json',
};
/** What the hub says with its own page and a browser acts upon; the stand-in says the same. */
const KEPT = ['content-security-policy', 'x-content-type-options', 'referrer-policy', 'permissions-policy', 'cross-origin-opener-policy'];

/** Serves `dist` before the hub (or gateway) at `hubUrl`: { url, stop }. */
export async function serveDist(dist, hubUrl, index = '/index.html') {
  const hub = new URL(hubUrl);
  const said = (await fetch(hubUrl)).headers;
  const headers = Object.fromEntries(KEPT.flatMap((name) => (said.has(name) ? [[name, said.get(name)]] : [])));
  const server = createServer((asked, answer) => {
    const { pathname } = new URL(asked.url, hubUrl);
    const file = join(dist, normalize(pathname === '/' ? index : pathname));
    if (!pathname.startsWith('/api/') && existsSync(file) && statSync(file).isFile()) {
      const cache = pathname.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
      answer.writeHead(200, { ...headers, 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'cache-control': cache });
      return createReadStream(file).pipe(answer);
    }
    const onward = request({ host: hub.hostname, port: hub.port, path: asked.url, method: asked.method, headers: asked.headers }, (from) => {
      answer.writeHead(from.statusCode, from.headers);
      from.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
