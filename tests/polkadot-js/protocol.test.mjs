// The arithmetic that the live test needs, against the vectors that the chain's own code is checked with.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { cryptoWaitReady, sr25519PairFromSeed } from '@polkadot/util-crypto';
import { commit, cycleFilter, h, isSigned, periodFilter, shareMessage, signForBatch, tally } from './protocol.mjs';

const vectors = (name) => JSON.parse(readFileSync(new URL(`../../primitives/vectors/${name}.json`, import.meta.url)));
const hex = (bytes) => u8aToHex(bytes, -1, false);
const all = (texts) => texts.map((text) => hexToU8a(text));

describe('the arithmetic of the protocol', () => {
  it('hashes as the vectors say', () => {
    for (const { domain, parts, hash } of vectors('hash').good) assert.equal(hex(h(domain, ...all(parts))), hash);
  });

  it('makes the filters of the vectors', () => {
    const { periods, cycles } = vectors('filters').good;
    for (const { prids, filter, ...key } of periods) assert.equal(hex(periodFilter(key, all(prids))), filter);
    for (const { region, cycle, tallies, filter } of cycles) {
      assert.equal(hex(cycleFilter(region, cycle, all(tallies))), filter);
    }
  });

  it('adds up pseudonyms as the vectors say', () => {
    for (const { prids, tally: sum } of vectors('tally').good) assert.equal(hex(tally(all(prids))), sum);
  });

  it('commits as the vectors say', () => {
    // One of them has no commitment: its blinding is no scalar.
    const made = vectors('commitments').commitments.filter(({ commitment }) => commitment);
    for (const { mask_sum: sum, blinding, commitment } of made) {
      assert.equal(hex(commit(BigInt(sum), hexToU8a(blinding))), commitment);
    }
  });

  it('signs shares for a batch as the vectors say', async () => {
    await cryptoWaitReady();
    const pair = sr25519PairFromSeed(h('seed').subarray(0, 32));
    for (const { genesis, shares, ...key } of vectors('batches').good) {
      for (const { prid, value, signature } of shares) {
        const message = shareMessage(hexToU8a(genesis), key, value);
        assert.ok(isSigned(hexToU8a(prid), message, hexToU8a(signature)));
        assert.ok(isSigned(pair.publicKey, message, signForBatch(pair, message)));
        assert.ok(!isSigned(pair.publicKey, message, hexToU8a(signature)));
      }
    }
  });
});
