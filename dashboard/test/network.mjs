// A network for a test: one development node, the key centre, the control centre and six meters in two regions, one of
// which stays silent. The programs are those that run anywhere else; the readings are the demo's.
//
// Promises that all of it ends with `stop`, and with the test's process however that one ends.
//
// **Privacy.** Development keys; the readings are public. The users' keys are in the folder, which `stop` deletes.

import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startNode } from '../../tests/polkadot-js/node.mjs';

const run = promisify(execFile);
const CSV = fileURLToPath(new URL('../../demo/data/readings.csv.gz', import.meta.url));
const DAY = '2013-01-18';
/// The meters by region; the last one never runs.
const METERS = { 1: ['MAC000002', 'MAC000014', 'MAC000031'], 2: ['MAC000047', 'MAC000061', 'MAC000079'] };
const SILENT = 'MAC000079';
export const PERIODS = 4;
const PRICE = 142_280;
/// Short enough for a leader to be elected before the cycle is over.
const TERM_BLOCKS = 20;

/// Starts everything up to a published cycle, whose programs then run by themselves. Resolves to `{ node, store, users,
/// finished, stop }`: the node's address, the folder of bills, BID and identity file by meter, and a promise that resolves
/// once all bills are out.
export async function startNetwork(programs) {
  const dir = await mkdtemp(join(tmpdir(), 'gridveil-dashboard-'));
  const path = (...names) => join(dir, ...names);
  let node;
  const running = [];
  const stop = async () => {
    for (const child of running) child.kill();
    await node?.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  const operator = (...args) => [join(programs, 'grid-operator'), ...args, '--nodes', node.url];
  const keyCentre = (...args) => operator('key-centre', '--dir', path('kc'), '--key-file', path('kc.key'), '--unlock-key', path('unlock.txt'), ...args);
  const meter = (name, ...args) => [join(programs, 'meter-client'), '--dir', path(name), '--nodes', node.url, ...args];
  const once = ([program, ...args]) => run(program, args, { timeout: 120_000 });
  /// Goes on beside the test; rejects if it fails.
  const beside = ([program, ...args]) =>
    new Promise((resolve, reject) => {
      const child = spawn('setpriv', ['--pdeathsig', 'TERM', program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
      running.push(child);
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text) => { said = (said + text).slice(-4_000); });
      child.once('error', reject);
      child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${program} ${args.join(' ')} ended with ${code}: ${said}`))));
    });
  try {
    const program = join(programs, 'gridveil-node');
    const spec = JSON.parse((await run(program, ['export-chain-spec', '--chain', 'dev'], { maxBuffer: 1 << 26, timeout: 300_000 })).stdout);
    spec.genesis.runtimeGenesis.patch.finality.termBlocks = TERM_BLOCKS;
    await writeFile(path('spec.json'), JSON.stringify(spec));
    node = await startNode(program, ['--chain', path('spec.json'), '--alice', '--force-authoring', '--unsafe-force-node-key-generation', '--rpc-methods', 'safe']);
    for (const [file, text] of [['kc.key', '//KeyCentre'], ['cc.key', '//ControlCentre'], ['tariff.toml', `kind = "flat"\nprice = ${PRICE}\n`]]) {
      await writeFile(path(file), text, { mode: 0o600 });
    }
    await once(keyCentre('init'));
    const users = {};
    for (const [region, names] of Object.entries(METERS)) {
      const [requests, responses] = [path(`requests-${region}`), path(`responses-${region}`)];
      await Promise.all([requests, responses].map((each) => mkdir(each)));
      for (const name of names) {
        const file = join(requests, `${name}.json`);
        await once(meter(name, 'enrol', 'request', '--label', name, '--out', file));
        users[name] = { bid: JSON.parse(await readFile(file)).bid, identity: path(name, 'identity.txt') };
      }
      await once(keyCentre('enrol', '--request-dir', requests, '--response-dir', responses, '--region', region, '--first-cycle', '0'));
      for (const name of names) await once(meter(name, 'enrol', 'accept', join(responses, `${users[name].bid}.response.age`)));
    }
    await once(keyCentre('schedule', '--cycle', '0', '--start', '+40', '--period-ms', '5000', '--window-ms', '30000', '--periods', `${PERIODS}`));
    await once(keyCentre('publish', '--cycle', '0'));
    const meters = Object.values(METERS).flat().filter((name) => name !== SILENT).map((name) =>
      beside(meter(name, 'run', '--source', 'csv', '--csv', CSV, '--meter', name, '--day', DAY, '--until-cycle-end')));
    const control = beside(operator('control-centre', '--key-file', path('cc.key'), 'run', '--tariff', path('tariff.toml'), '--cycle', '0', '--until-priced'));
    const watch = beside(keyCentre('watch', '--cycle', '0', '--until-closed'));
    const store = path('bills');
    const finished = Promise.all([...meters, control, watch]).then(() => once(keyCentre('bill', '--cycle', '0', '--store', store, '--currency', 'GBP')));
    // Whoever waits for it hears of its failure; nobody may, when a test ends early.
    finished.catch(() => {});
    return { node: node.url, store, users, finished, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}
