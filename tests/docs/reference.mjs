// The reference, made from what the programs and the chain say of themselves: `reference(programs)` resolves to the text of each
// page of docs/reference, by its name. `node reference.mjs` writes them; `GRIDVEIL_BIN` names the folder with the programs.
//
// **Privacy.** Asks a development node for its metadata, and the programs for their help.

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { metadata } from '../polkadot-js/metadata.mjs';

const run = promisify(execFile);
const made = (from) => `Made from ${from} by \`./scripts/docs write\`: not written by hand.`;
/// Docs of Rust as Markdown of ours: without links to items, and with headings that are none of the page's.
const prose = (docs) => docs.join('\n').trim().replace(/\[(`[^`]+`)\](\([^)]*\))?/g, '$1').replace(/^\s*#+ (.*)$/gm, '**$1**').replace(/^ /gm, '');
const oneLine = (docs) => prose(docs).replace(/\s+/g, ' ').replace(/\|/g, '\\|');
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
  return ['# The commands\n', `${made('the programs’ help')} The node’s options are mostly those of every Substrate node: \`gridveil-node --help\`.\n`, ...texts.flat()].join('\n');
}

export const reference = async (programs) => ({
  'chain.md': chain(await metadata(join(programs, 'gridveil-node'))),
  'commands.md': await commands(programs),
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(await reference(process.env.GRIDVEIL_BIN))) {
    await writeFile(fileURLToPath(new URL(`../../docs/reference/${name}`, import.meta.url)), text);
  }
}
