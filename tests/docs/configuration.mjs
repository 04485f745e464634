// The page about configuration files, made from the types that they are read into. What is not set has the default that its docs
// end with ("Default: …."); a key without docs, and a type that TOML's words are not known for, are errors.

import { head, item, renamed, serde, source } from './rust.mjs';
import { made, oneLine, prose, table } from './text.mjs';

const FILES = [
  { title: 'grid-operator --config FILE', path: 'grid-operator/src/config.rs', root: 'Config', hasHead: true },
  { title: 'meter-client --config FILE', path: 'meter-client/src/config.rs', root: 'Config', hasHead: true },
  { title: 'The tariff', path: 'grid-operator/src/control_centre/tariff.rs', root: 'File', hasHead: false },
];
const integers = Object.fromEntries(['u8', 'u16', 'u32', 'u64', 'i64', 'Price'].map((type) => [type, 'integer']));
const WORDS = { ...integers, bool: 'boolean', f64: 'number', String: 'string', SourceKind: 'string', PathBuf: 'path', NaiveDate: 'day, `YYYY-MM-DD`', 'DateTime<Utc>': 'moment, ISO 8601' };
const KNOWN = ['deny_unknown_fields', 'default', 'tag', 'rename_all'];

/// What a key is given: `{ words }`, for one of a few words what each `means`, for tables their `type` and whether there are `many`.
function value(file, type) {
  const [, outer, inner] = /^(Option|Vec)<(.*)>$/.exec(type) ?? [];
  if (outer === 'Option') return value(file, inner);
  if (outer === 'Vec') {
    const { words, type: table } = value(file, inner);
    return { words: `array of ${words}s`, type: table, many: true };
  }
  if (WORDS[type]) return { words: WORDS[type] };
  const found = item(file, type);
  if (!found) throw new Error(`${file.path}: the reference does not know the type ${type}`);
  if (found.kind === 'struct') return { words: 'table', type: found };
  const { rename_all: rule } = serde(found.attributes, KNOWN, `${file.path}: ${type}`);
  const choices = found.members.map(({ name, docs, fields, type: of }) => {
    if (fields || of) throw new Error(`${file.path}: ${type}::${name} is no plain word`);
    return { word: `\`"${renamed(name, rule)}"\``, means: oneLine(docs) };
  });
  return { words: choices.map(({ word }) => word).join(' or '), means: choices.map(({ word, means }) => `${word}: ${means}.`).join(' ') };
}

/// A table's keys, and then the tables in it.
function keys(file, fields, isOptional) {
  const below = [];
  const rows = fields.map(({ name, type, docs, attributes }) => {
    const where = `${file.path}: ${name}`;
    if (docs.length === 0) throw new Error(`${where} has no docs`);
    const { words, means = '', type: inner, many } = value(file, type);
    const [, text, stated] = /^(.*?)(?: Default: (.*)\.)?$/.exec(oneLine(docs));
    const mayLack = isOptional || type.startsWith('Option<') || serde(attributes, ['default'], where).default;
    if (stated && !mayLack) throw new Error(`${where} has a default and has to be given`);
    if (inner) below.push({ title: many ? `[[${name}]]` : `[${name}]`, inner });
    return [`\`${name}\``, words, mayLack ? (stated ?? '') : 'has to be given', `${text.replace(/(?<!\.)$/, '.')} ${means}`.trim()];
  });
  const sections = below.map(({ title, inner }) => `### \`${title}\`\n\n${prose(inner.docs)}\n\n${struct(file, inner)}`);
  return [table(['key', 'type', 'default', ''], rows), ...sections].join('\n');
}

function strictly(file, { name, attributes }) {
  const told = serde(attributes, KNOWN, `${file.path}: ${name}`);
  if (!told.deny_unknown_fields) throw new Error(`${file.path}: ${name} takes keys that it does not know`);
  return told;
}
const struct = (file, type) => keys(file, type.members, strictly(file, type).default);

function page({ title, path, root, hasHead }) {
  const file = source(path);
  const type = item(file, root);
  if (!type) throw new Error(`${path} has no ${root}: the reference is made from it`);
  const parts = [`## ${title}\n`, ...(hasHead ? [`${prose(head(file))}\n`] : []), `${prose(type.docs)}\n`];
  if (type.kind === 'struct') return [...parts, struct(file, type)];
  const { tag, rename_all: rule } = strictly(file, type);
  const kinds = type.members.map(({ name, docs, fields }) => `### \`${tag} = "${renamed(name, rule)}"\`\n\n${prose(docs)}\n\n${keys(file, fields, false)}`);
  return [...parts, ...kinds];
}

export const configuration = () =>
  ['# Configuration\n', `${made('the programs’ sources')} Files are TOML. A key that is not listed is refused by its name. Where no default is, a command that needs the key and has it from no flag says so.\n`, ...FILES.flatMap(page)].join('\n');
