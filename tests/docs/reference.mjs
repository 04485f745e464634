// The reference, made from what the programs and the chain say of themselves: `reference(programs)` resolves to the text of each
// page of docs/reference, by its name. `node reference.mjs` writes them; `GRIDVEIL_BIN` names the folder with the programs.
//
// **Privacy.** Asks a development node for what it says of itself, and the programs for their help.

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { metadata } from '../polkadot-js/metadata.mjs';
import { startNode } from '../polkadot-js/node.mjs';
import { configuration } from './configuration.mjs';
import { nodePage } from './node.mjs';
import { made, oneLine, prose } from './text.mjs';

const run = promisify(execFile);
const signature = ({ name, fields }) => `${name}${fields.length ? `(${fields.map(({ name: field, type }) => (field ? `${field}: ${type}` : type)).join(', ')})` : ''}`;

function table(title, items, row) {
  return items.length ? `### ${title}\n\n| | |\n|---|---|\n${items.map((item) => `| \`${row(item)}\` | ${oneLine(item.docs)} |`).join('\n')}\n` : '';
}

function chain({ pallets, apis }) {
  const ofPallet = ({ name, index, calls, events, errors, storage, constants }) => [
    `## ${name}\n\nPallet ${index}.\n`,
    ...(calls.length ? ['### Calls\n', ...calls.map((call) => `\`${signature(call)}\`\n\n${prose(call.docs)}\n`)] : []),
    table('Events', events, signature),
    table('Errors', errors, ({ name: error }) => error),
    table('Storage', storage, ({ name: item }) => item),
    table('Constants', constants, ({ name: constant, value }) => `${constant} = ${value}`),
  ];
  const ofApi = ({ name, docs, methods }) => [`## ${name}\n\n${prose(docs)}\n`, table('Methods', methods, signature)];
  return ['# The chain\n', `${made('the chain’s metadata')} How it fits together is in [the protocol](../protocol.md).\n`, ...pallets.flatMap(ofPallet), ...apis.flatMap(ofApi)].filter(Boolean).join('\n');
}

/// A program's help and that of each of its commands.
async function help(program, words = []) {
  const { stdout } = await run(program, [...words, '--help'], { env: {} });
  const [, list = ''] = /^Commands:\n((?: .*\n)*)/m.exec(stdout) ?? [];
  const names = [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name).filter((name) => name !== 'help');
  const title = [program.split('/').at(-1), ...words].join(' ');
  const text = `## ${title}\n\n\`\`\`text\n${stdout.trimEnd().replace(/ +$/gm, '')}\n\`\`\`\n`;
  return [text, ...(await Promise.all(names.map((name) => help(program, [...words, name])))).flat()];
}

async function commands(programs) {
  const texts = await Promise.all(['grid-operator', 'meter-client'].map((program) => help(join(programs, program))));
  return ['# The commands\n', `${made('the programs’ help')} The node’s are in [the node](node.md#options).\n`, ...texts.flat()].join('\n');
}

export async function reference(programs) {
  const program = join(programs, 'gridveil-node');
  const node = await startNode(program, ['--dev', '--driven-clock']);
  try {
    return {
      'chain.md': chain(await metadata(node.url)),
      'commands.md': await commands(programs),
      'configuration.md': configuration(),
      'node.md': await nodePage(program, node),
    };
  } finally {
    await node.stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(await reference(process.env.GRIDVEIL_BIN))) {
    await writeFile(fileURLToPath(new URL(`../../docs/reference/${name}`, import.meta.url)), text);
  }
}
