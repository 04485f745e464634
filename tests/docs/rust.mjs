// Rust sources as far as the reference is made from them: a module's head, and its structs and enums. A line that is written in a
// way that is not known here is an error, so that nothing is left out in silence.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/// The source at `path`, from the workspace's root: `{ path, text }`.
export const source = (path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') });
/// The sources in a folder and below it, but for tests.
export const sources = (folder) =>
  readdirSync(join(ROOT, folder), { recursive: true }).filter((name) => /(?<!tests)\.rs$/.test(name)).sort().map((name) => source(join(folder, name)));

/// The lines of a module's head.
export const head = ({ text }) => text.split('\n').filter((line) => line.startsWith('//!')).map((line) => line.slice(4));

/// The fields or variants up to the brace that ends them: `{ name, type, docs, attributes, fields }` each.
function members(lines, where) {
  const found = [];
  let [docs, attributes] = [[], []];
  for (;;) {
    const line = lines.shift()?.trim();
    if (line === '}' || line === '},') return found;
    const doc = /^\/\/\/ ?(.*)$/.exec(line);
    const member = /^(?:pub )?(\w+)(?:: (.+),|,| (\{))$/.exec(line);
    if (line === '') continue;
    if (doc) docs.push(doc[1]);
    else if (/^#\[.*\]$/.test(line)) attributes.push(line);
    else if (member) {
      const [, name, type, brace] = member;
      found.push({ name, type, docs, attributes, fields: brace && members(lines, where) });
      [docs, attributes] = [[], []];
    } else throw new Error(`${where} has a line that the reference can’t be made from: ${line}`);
  }
}

/// A struct or an enum: `{ kind, name, docs, attributes, members }`; `undefined` where the source has none of that name.
export function item({ path, text }, name) {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => new RegExp(`^(?:pub )?(?:struct|enum) ${name} \\{$`).test(line));
  if (at < 0) return undefined;
  let from = at;
  while (/^(\/\/\/|#\[.*\]$)/.test(lines[from - 1])) from -= 1;
  const own = lines.slice(from, at);
  const isDoc = (line) => line.startsWith('///');
  return {
    kind: /struct|enum/.exec(lines[at])[0],
    name,
    docs: own.filter(isDoc).map((line) => line.slice(4)),
    attributes: own.filter((line) => !isDoc(line)),
    members: members(lines.slice(at + 1), `${path}: ${name}`),
  };
}

/// What serde is told by attributes, by its name; anything but what is `known` is an error.
export function serde(attributes, known, where) {
  const words = attributes.flatMap((line) => /^#\[serde\((.*)\)\]$/.exec(line)?.[1].split(', ') ?? []);
  return Object.fromEntries(words.map((word) => {
    const [, name, value = true] = /^(\w+)(?: = "([^"]*)")?$/.exec(word) ?? [];
    if (!known.includes(name)) throw new Error(`${where}: the reference does not know serde’s ${word}`);
    return [name, value];
  }));
}

const snake = (name) => name.replace(/(?<=.)([A-Z])/g, '_$1').toLowerCase();
const CASES = { lowercase: (name) => name.toLowerCase(), snake_case: snake, camelCase: (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()) };
/// A name as serde writes it.
export function renamed(name, rule) {
  if (rule !== undefined && !CASES[rule]) throw new Error(`${name}: the reference does not know the case ${rule}`);
  return rule === undefined ? name : CASES[rule](name);
}
