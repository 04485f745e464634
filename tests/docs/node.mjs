// The page about the node: its options, its RPC and its metrics, from a node that runs and from the sources of its methods.
//
// The node's clock is driven, so that it has every method, and a final block as soon as one is asked for.

import { execFile } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { head, item, renamed, serde, sources } from './rust.mjs';
import { made, oneLine, prose, table } from './text.mjs';

const run = promisify(execFile);
/// How long a metric may take to be shown, once there are final blocks.
const METRICS_MS = 60_000;

/// What a method of the node answers; its parameters are positional.
async function call({ url }, method, ...params) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const response = await fetch(url.replace('ws:', 'http:'), { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: AbortSignal.timeout(METRICS_MS) });
  const { result, error } = await response.json();
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

/// The methods that a source registers: `{ name, result }` each, the result as Rust has it.
function registered({ path, text }) {
  const constants = new Map([...text.matchAll(/^const (\w+): &str = "(\w+)";$/gm)].map(([, constant, name]) => [constant, name]));
  return [...text.matchAll(/\.register_\w*(?:method|subscription)\b.*$/gm)].map(([line]) => {
    const [, literal, constant] = /\((?:"(\w+)"|(\w+)), /.exec(line) ?? [];
    const [name, result] = [literal ?? constants.get(constant), /RpcResult<(.+?)>(?=,| \{)/.exec(line)?.[1]];
    if (!name || !result) throw new Error(`${path} registers a method in a way that the reference does not know: ${line}`);
    return { name, result };
  });
}

/// The methods that modules' heads have docs of, by their names: `- \`name(parameters)\`: what it does`.
const documented = (files) => new Map(files.flatMap((file) =>
  [...head(file).join('\n').matchAll(/^- `(\w+)\(([^)`]*)\)`: ([^]*?)[.;]?(?=\n-|\n\n|$(?![^]))/gm)].map(([, name, parameters, docs]) => [name, { parameters, docs: docs.split('\n') }])));

/// The tables of an answer's type, and of the types in it, where they are the node's own.
function answers(files, type, shown) {
  return type.match(/\w+/g).filter((name) => !shown.has(name)).flatMap((name) => {
    const file = files.find((each) => item(each, name));
    if (!file) return [];
    shown.add(name);
    const { docs, attributes, members } = item(file, name);
    const { rename_all: rule } = serde(attributes, ['rename_all'], `${file.path}: ${name}`);
    const rows = members.map((member) => [`\`${renamed(member.name, rule)}\``, `\`${member.type}\``, oneLine(member.docs)]);
    return [`\`${name}\`: ${prose(docs)}\n`, table(['', '', ''], rows), ...members.flatMap((member) => answers(files, member.type, shown))];
  });
}

function methods(files, all) {
  const [ours, docs, shown] = [files.flatMap(registered), documented(files), new Set()];
  const names = ours.map(({ name }) => name).sort();
  if (`${names}` !== `${[...docs.keys()].sort()}`) throw new Error(`the node’s own methods are ${names}; its modules’ heads have docs of ${[...docs.keys()].sort()}`);
  const lacking = names.filter((name) => !all.includes(name));
  if (lacking.length) throw new Error(`the node that runs has no ${lacking}`);
  const families = [...new Set(all.map((name) => name.split('_')[0]))];
  return [
    '## RPC\n',
    'JSON-RPC over WebSocket and HTTP, on port 9944 unless `--rpc-port` says otherwise. Parameters are given by their places; `Bytes` are hexadecimal, with `0x` before them. Reads of the chain are [runtime APIs](chain.md), by `state_call`.\n',
    ...ours.sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap(({ name, result }) => {
      const { parameters, docs: lines } = docs.get(name);
      const text = prose(lines.map((line) => line.trim()));
      return [`### \`${name}\`\n`, `\`${name}(${parameters}) -> ${result}\`\n`, `${text[0].toUpperCase()}${text.slice(1)}.\n`, ...answers(files, result, shown)];
    }),
    '### All methods\n',
    'The others are those of every Substrate node; those that are not safe for everybody answer only where the node listens to its own machine alone, unless `--rpc-methods` says otherwise.\n',
    table(['', ''], families.map((family) => [`\`${family}\``, all.filter((name) => name.startsWith(`${family}_`)).map((name) => `\`${name}\``).join(', ')])),
  ];
}

/// The metrics of ours in what the exporter says, each as `[name, type, labels, help]`.
function metricsIn(text) {
  const found = [...text.matchAll(/^# HELP (gridveil_\w+) (.*)\n# TYPE \1 (\w+)\n\1(?:\{(.*)\})? /gm)];
  return found.map(([, name, words, type, labels = '']) => [name, type, [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) => label !== 'chain').join(', '), words]);
}

async function metrics(files, node) {
  const named = files.filter(({ text }) => text.includes('use substrate_prometheus_endpoint')).flatMap(({ text }) => [...text.matchAll(/"(gridveil_\w+)"/g)].map(([, name]) => name));
  // The first block has the vote that a metric waits for; the block after the next makes it final, and the metrics follow.
  for (let block = 1; block <= 3; block++) await call(node, 'driven_seal', Date.now() + 60_000 * block);
  const deadline = Date.now() + METRICS_MS;
  for (;;) {
    const found = metricsIn(await (await fetch(node.metrics, { signal: AbortSignal.timeout(METRICS_MS) })).text());
    const lacking = named.filter((name) => !found.some(([shown]) => shown === name));
    if (!lacking.length) return found;
    if (Date.now() > deadline) throw new Error(`the node that runs has not shown ${[...new Set(lacking)]} after ${METRICS_MS} ms`);
    await wait(250);
  }
}

/// The page about the node whose program is `program`, of which `node` runs with a driven clock.
export async function nodePage(program, node) {
  const files = sources('node/src');
  const help = async (...words) => (await run(program, [...words, '-h'], { env: {} })).stdout.trimEnd().replace(/ +$/gm, '');
  const { methods: all } = await call(node, 'rpc_methods');
  const rows = (await metrics(files, node)).map(([name, type, labels, words]) => [`\`${name}\``, type, labels && `\`${labels}\``, words]);
  return [
    '# The node\n',
    `${made('a node that runs, and its sources')}\n`,
    '## Options\n',
    `A line each; \`gridveil-node --help\` has more on those of every Substrate node.\n\n\`\`\`text\n${await help()}\n\`\`\`\n`,
    `\`\`\`text\n${await help('compile-runtime')}\n\`\`\`\n`,
    ...methods(files, all),
    '## Metrics\n',
    `At \`http://127.0.0.1:9615/metrics\` unless \`--prometheus-port\` says otherwise, beside those of every Substrate node. Each has the label \`chain\`, too. What to look at is in [watch](../how-to/watch.md).\n`,
    table(['metric', 'type', 'label', ''], rows),
  ].join('\n');
}
