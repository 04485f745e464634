// What is checked about a bill without the chain: the sums, the rounding, the prices, the key's form, the CID.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readFile } from 'node:fs/promises';
import { createServer } from 'vite';

describe('a report', () => {
  let vite, report;
  const LINES = [[0, 310, 142_280], [1, null, 142_280], [2, -512, null], [4, 1_204, 90_000]];
  /// 310 · 142,280 + 1,204 · 90,000 = 152,466,800 of 10^-9, which is 15.2 hundredths.
  const bill = (changes = {}) => ({ version: 1, lines: LINES, energy: 1_002, amount: 15, ...changes });

  before(async () => {
    vite = await createServer({ configFile: false, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true }, server: { middlewareMode: true, ws: false } });
    report = await vite.ssrLoadModule('/src/report.ts');
  });
  after(() => vite?.close());

  it('adds up where it does, and not where a sum is another', () => {
    assert.ok(report.addsUp(bill()));
    for (const wrong of [{ energy: 1_003 }, { amount: 16 }, { lines: [...LINES].reverse() }, { lines: [LINES[0], ...LINES] }]) assert.ok(!report.addsUp(bill(wrong)));
  });

  it('is rounded once, as the chain’s own code rounds', async () => {
    const { amounts } = JSON.parse(await readFile(new URL('../../primitives/vectors/money.json', import.meta.url)));
    const safe = amounts.filter((each) => Number.isSafeInteger(Number(each.lines_sum)));
    assert.ok(safe.length > 10);
    for (const { lines_sum: sum, amount } of safe) {
      const energy = Number(sum);
      assert.ok(report.addsUp({ lines: [[0, energy, 1]], energy, amount: Number(amount) }), sum);
      assert.ok(!report.addsUp({ lines: [[0, energy, 1]], energy, amount: Number(amount) + 1 }), sum);
    }
  });

  it('names the periods whose price is not the chain’s', () => {
    const prices = new Map([[0, 142_280], [1, 142_280], [2, null], [4, 90_000]]);
    assert.deepEqual(report.otherPrices(bill(), prices), []);
    assert.deepEqual(report.otherPrices(bill(), new Map([...prices, [4, 90_001]])), [4]);
    assert.deepEqual(report.otherPrices(bill(), new Map()), [0, 1, 4]);
  });

  it('is read out of its page, and refused where there is none or it is of another version', () => {
    const page = (text) => `<p>x</p><script type="application/json" id="report">${text}</script> `;
    assert.equal(report.reportIn(page(JSON.stringify(bill()))).amount, 15);
    for (const wrong of ['<p>no bill</p>', page('{'), page('null'), page('{"version":2}')]) assert.throws(() => report.reportIn(wrong));
  });

  it('goes by the CID that Kubo gives the same bytes', async () => {
    const bytes = new TextEncoder().encode('hello world');
    const cid = '0x01551220b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9';
    assert.equal(report.cidText(cid), 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e');
    assert.ok(await report.isOfCid(bytes, cid));
    assert.ok(!(await report.isOfCid(bytes.slice(1), cid)));
    assert.ok(!(await report.isOfCid(bytes, cid.replace('0x0155', '0x0170'))));
  });

  it('finds the key among the comments of an identity file, and none elsewhere', () => {
    const key = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`;
    assert.equal(report.identityIn(`# created: today\n# public key: age1…\n${key}\n`), key);
    assert.equal(report.identityIn(`  ${key}  `), key);
    for (const none of ['', 'age1qqqq', key.slice(1), key.toLowerCase(), `${key}Q`]) assert.equal(report.identityIn(none), null);
  });
});
