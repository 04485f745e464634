// Serves the dashboard, with the node and the store of bills behind it: `node serve.mjs --help`.
//
// Promises that a browser needs this address alone: `/` is what `npm run build` made, `/rpc` is the node's JSON-RPC over
// WebSocket, `/ipfs/CID` is a sealed bill, from a folder of the embedded store or from an IPFS gateway. That is why the
// page's policy can forbid every other address. Not promised are TLS and many users: for those put it behind a web server.
//
// **Privacy.** Requests are not logged. A node that would let its callers do what only its operator may is refused.

import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { extname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `usage: node serve.mjs --store DIR|URL [--node URL] [--port N] [--host ADDRESS] [--config FILE]

  --store DIR|URL  the folder of the embedded store, or the http:// address of an IPFS gateway
  --node URL       the node's RPC, http://127.0.0.1:9944 by default; start the node with --rpc-methods safe
  --port N         where to listen, 8080 by default; 0 lets the system choose
  --host ADDRESS   on which address, 127.0.0.1 by default
  --config FILE    names and capacities, see README.md`;

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const HEADERS = {
  'Content-Security-Policy': "frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
  'Cache-Control': 'no-cache',
};
const DIST = fileURLToPath(new URL('dist', import.meta.url));
/// A CID as bills have them: version 1, in base 32.
const BILL = /^\/ipfs\/(b[a-z2-7]{58})$/;
const MOST_BYTES = 262_144;

/// Whether the node answers a method that only its operator may call.
async function isUnsafe(node) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'system_peers', params: [] });
  const answer = await fetch(node, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  return 'result' in (await answer.json());
}

/// A sealed bill from the store; rejects with an error that has a `status`.
async function bill(store, cid) {
  const failed = (status) => Object.assign(new Error(), { status });
  if (!store.includes('://')) {
    return readFile(join(store, cid)).catch(({ code }) => Promise.reject(failed(code === 'ENOENT' ? 404 : 500)));
  }
  const answer = await fetch(`${store.replace(/\/$/, '')}/ipfs/${cid}`, { signal: AbortSignal.timeout(20_000) }).catch(() => null);
  if (!answer?.ok) throw failed(answer?.status === 404 ? 404 : 502);
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (bytes.length > MOST_BYTES) throw failed(502);
  return bytes;
}

/// Answers a request for a file or a bill.
async function answer({ method, url }, response, { store, config }) {
  const end = (status, type, bytes) => response.writeHead(status, { ...HEADERS, 'Content-Type': type }).end(method === 'HEAD' ? undefined : bytes);
  if (method !== 'GET' && method !== 'HEAD') return end(405, 'text/plain', 'read only');
  const { pathname } = new URL(url, 'http://localhost');
  const cid = BILL.exec(pathname)?.[1];
  if (cid) return end(200, 'application/octet-stream', await bill(store, cid));
  if (pathname === '/config.json') return end(200, 'application/json', config ? await readFile(config) : '{}');
  const file = resolve(DIST, `.${pathname === '/' ? '/index.html' : pathname}`);
  const type = TYPES[extname(file)];
  if (!type || !file.startsWith(DIST + sep)) return end(404, 'text/plain', 'not here');
  return end(200, type, await readFile(file));
}

/// Hands a WebSocket through to the node, for pages of this address only.
function pass(incoming, socket, head, node) {
  const refuse = (status) => socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
  socket.on('error', () => socket.destroy());
  const { host, origin } = incoming.headers;
  if (incoming.url !== '/rpc') return refuse('404 Not Found');
  if (!origin || new URL(origin).host !== host) return refuse('403 Forbidden');
  const { origin: _, ...headers } = { ...incoming.headers, host: node.host };
  const outgoing = request(node, { headers });
  outgoing.on('error', () => refuse('502 Bad Gateway'));
  outgoing.on('response', () => refuse('502 Bad Gateway'));
  outgoing.on('upgrade', ({ rawHeaders }, upstream, rest) => {
    const lines = rawHeaders.reduce((text, item, index) => text + item + (index % 2 ? '\r\n' : ': '), '');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`);
    socket.write(rest);
    upstream.write(head);
    upstream.on('error', () => socket.destroy());
    upstream.on('close', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
    socket.pipe(upstream).pipe(socket);
  });
  outgoing.end();
}

/// Starts serving; resolves to `{ url, close }`. Rejects where the node does not answer or answers too much.
export async function serve({ node: nodeUrl = 'http://127.0.0.1:9944', store, port = 8_080, host = '127.0.0.1', config }) {
  const node = new URL(nodeUrl.replace(/^ws/, 'http'));
  if (await isUnsafe(node)) throw new Error(`${node.href} lets its callers do what only its operator may: start it with --rpc-methods safe`);
  const server = createServer((incoming, response) => {
    answer(incoming, response, { store, config }).catch(({ status, code }) => {
      response.writeHead(status ?? (code === 'ENOENT' ? 404 : 500), HEADERS).end();
    });
  });
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (incoming, socket, head) => {
    try {
      pass(incoming, socket, head, node);
    } catch {
      socket.destroy();
    }
  });
  await new Promise((listening, failed) => server.once('error', failed).listen(port, host, listening));
  const close = () =>
    new Promise((closed) => {
      server.close(closed);
      for (const socket of sockets) socket.destroy();
    });
  return { url: `http://${host}:${server.address().port}`, close };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = { type: 'string' };
  try {
    const { values } = parseArgs({ options: { node: text, store: text, port: text, host: text, config: text, help: { type: 'boolean' } } });
    if (values.help || !values.store) {
      console.log(USAGE);
      process.exit(values.help ? 0 : 2);
    }
    const { url } = await serve({ ...values, port: Number(values.port ?? 8_080) });
    console.log(`the dashboard is at ${url}`);
  } catch ({ message, cause }) {
    console.error(`error: ${message}${cause ? ` (${cause.message})` : ''}`);
    process.exit(1);
  }
}
