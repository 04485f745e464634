// What the pages of the reference have in common.

export const made = (from) => `Made from ${from} by \`./scripts/docs write\`: not written by hand.`;
/// Docs of Rust, line by line, as Markdown of ours: without links to items, and with headings that are none of the page's.
export const prose = (docs) => docs.join('\n').trim().replace(/\[(`[^`]+`)\](\([^)]*\))?/g, '$1').replace(/^\s*#+ (.*)$/gm, '**$1**').replace(/^ /gm, '');
/// The same for a cell of a table.
export const oneLine = (docs) => cell(prose(docs));
const cell = (text) => text.replace(/\s+/g, ' ').replace(/\|/g, '\\|');

/// A table of Markdown: its columns' titles, and each row's cells.
export const table = (titles, rows) =>
  [titles, titles.map(() => '---'), ...rows.map((row) => row.map(cell))].map((row) => `| ${row.join(' | ')} |\n`).join('');
