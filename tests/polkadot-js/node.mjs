// A development node of its own for a test.
//
// Promises a `gridveil-node`, of the development chain unless told otherwise, on ports of loopback that the system picks, with a database that goes with it. It ends
// with `stop`, and with the test's process however that one ends.
//
// **Privacy.** Development keys; the node's log stays in memory and is shown only where the node does not start.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

/// How long a node may take until it listens, on a machine that has other work, too: it compiles the runtime first.
const START_MS = 300_000;

/// Starts the node whose program is at `program`, which these options make an authority; resolves to `{ url, metrics, stop }`:
/// the addresses of its RPC and of its metrics, and what ends it.
export async function startNode(program, authority = ['--dev']) {
  const options = '--tmp --rpc-port 0 --listen-addr /ip4/127.0.0.1/tcp/0 --no-mdns --prometheus-port 0 --no-telemetry';
  // The kernel ends the node where this process can't: setpriv asks it to.
  const node = spawn('setpriv', ['--pdeathsig', 'TERM', program, ...options.split(' '), ...authority], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => {
    node.once('error', resolve);
    node.once('exit', (code, signal) => resolve(new Error(`the node ended with ${code ?? signal}`)));
  });
  const stop = async (signal = 'SIGTERM') => {
    if (node.kill(signal)) await ended;
  };
  let log = '';
  node.stderr.setEncoding('utf8').on('data', (text) => { if (log !== undefined) log += text; });
  const timer = setTimeout(() => node.stderr.destroy(new Error(`no address after ${START_MS} ms`)), START_MS);
  try {
    for (;;) {
      const [port, prometheus] = [/JSON-RPC server: addr=127\.0\.0\.1:(\d+)/, /Prometheus exporter started at 127\.0\.0\.1:(\d+)/].map((line) => line.exec(log)?.[1]);
      if (port && prometheus) {
        log = undefined;
        return { url: `ws://127.0.0.1:${port}`, metrics: `http://127.0.0.1:${prometheus}/metrics`, stop };
      }
      const failure = await Promise.race([once(node.stderr, 'data').then(() => undefined, (error) => error), ended]);
      if (failure) throw failure;
    }
  } catch (cause) {
    // One that is still starting listens to nothing else.
    await stop('SIGKILL');
    throw new Error(`${program} did not start: ${cause.message}\n${log}`);
  } finally {
    clearTimeout(timer);
  }
}
