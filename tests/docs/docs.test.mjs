// The docs against what they speak of: links, the commands in them, and the tutorial from its first command to its last.
//
// `GRIDVEIL_BIN` names the folder with the programs; CARGO_TARGET_DIR is the folder above it, by which the tutorial finds them.
//
// **Privacy.** Development keys and public readings.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { reference } from './reference.mjs';
import { item, serde } from './rust.mjs';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCS = join(ROOT, 'docs');
const PROGRAM = /^(gridveil-node|grid-operator|meter-client) /;
const read = (file) => readFileSync(file, 'utf8');
const pages = readdirSync(DOCS, { recursive: true }).filter((name) => name.endsWith('.md')).map((name) => join(DOCS, name));
const texts = [...pages, ...['README.md', 'dashboard/README.md', 'deploy/README.md'].map((name) => join(ROOT, name))];
const links = (text) => [...text.replace(/^ {4}.*$|```[^]*?```|`[^`]*`/gm, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);
/// A heading's anchor, as GitHub and mdBook make it.
const anchor = (heading) => heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replace(/ /g, '-');
const anchors = (file) => [...read(file).replace(/```[^]*?```/g, '').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading));

/// The commands of ours in a text's code, without remarks beside them and with numbers where it has placeholders.
const commands = (text) =>
  [...text.replace(/ \\\n\s*/g, ' ').matchAll(/^(?: {4,}|)((?:gridveil-node|grid-operator|meter-client) .*)$/gm)]
    .map(([, line]) => line.split(/ {2,}|\s\d?[>|;&]/)[0].trim())
    .filter((line) => !/[…$"<]/.test(line))
    .map((line) => line.replace(/\b(N|MOTION)\b/g, '0').replace('HASH', '00'.repeat(32)).replace('ACCOUNT', `0x${'00'.repeat(32)}`).replace('yes|no', 'yes').split(' '));

describe('the docs', { timeout: 600_000 }, () => {
  it('have each page in the summary once, and nothing there that is missing', () => {
    const listed = links(read(join(DOCS, 'SUMMARY.md'))).map((target) => join(DOCS, target));
    assert.deepEqual([...listed].sort(), pages.filter((page) => page !== join(DOCS, 'SUMMARY.md')).sort());
  });

  it('have no link that leads nowhere, or out of the book', () => {
    const broken = texts.flatMap((file) =>
      links(read(file)).filter((target) => {
        if (/^https?:/.test(target)) return false;
        const [path, section] = target.split('#');
        const to = path ? resolve(dirname(file), path) : file;
        if (!existsSync(to) || (file.startsWith(DOCS) && !to.startsWith(DOCS))) return true;
        return section !== undefined && !anchors(to).includes(section);
      }).map((target) => `${relative(ROOT, file)}: ${target}`));
    assert.deepEqual(broken, []);
  });

  it('have no command that the programs do not know', async () => {
    const all = texts.flatMap((file) => commands(read(file)).map((command) => ({ file: relative(ROOT, file), command })));
    assert.ok(all.length > 20, `${all.length} commands are looked at`);
    const unknown = [];
    for (const { file, command: [program, ...args] } of all) {
      assert.match(`${program} `, PROGRAM);
      // All options are read before help is shown.
      await run(join(process.env.GRIDVEIL_BIN, program), [...args, '--help']).catch(({ stderr }) => unknown.push(`${file}: ${program} ${args.join(' ')}: ${stderr}`));
    }
    assert.deepEqual(unknown, []);
  });

  it('have a reference that is what programs and chain say of themselves', async () => {
    for (const [name, text] of Object.entries(await reference(process.env.GRIDVEIL_BIN))) {
      assert.ok(read(join(DOCS, 'reference', name)) === text, `docs/reference/${name} is of another version: ./scripts/docs write`);
    }
  });

  it('are not made from sources that are written in a way that is not understood', () => {
    const read = (lines) => item({ path: 'config.rs', text: `/// What is set.\n#[derive(Deserialize)]\nstruct Config {\n${lines}\n}\n` }, 'Config');
    const { docs, members } = read('    /// Where.\n    pub dir: Option<PathBuf>,\n\n    /// How.\n    By {\n        way: u8,\n    },');
    assert.deepEqual([docs, members.map(({ name, type, fields }) => [name, type ?? fields[0].name])], [['What is set.'], [['dir', 'Option<PathBuf>'], ['By', 'way']]]);
    assert.throws(() => read('    dir: Option<\n        PathBuf,\n    >,'), /config\.rs: Config has a line .*: dir: Option</);
    assert.throws(() => serde(['#[serde(flatten)]'], ['default'], 'config.rs: dir'), /config\.rs: dir: .* flatten/);
  });

  it('have a tutorial that leads where it says', async () => {
    const socket = connect(9_944, '127.0.0.1');
    const isTaken = await once(socket, 'connect').then(() => true, () => false);
    socket.destroy();
    assert.ok(!isTaken, 'port 9944, which the tutorial needs, is taken: end the node that has it');
    const blocks = [...read(join(DOCS, 'tutorial.md')).matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block]) => block);
    assert.equal(blocks.length, 8);
    const script = ['set -euo pipefail', `trap 'jobs -p | xargs -r kill' EXIT`, ...blocks].join('\n');
    await run('setpriv', ['--pdeathsig', 'TERM', 'bash', '-c', script], { cwd: ROOT, timeout: 400_000, maxBuffer: 1 << 26 });
  });
});
