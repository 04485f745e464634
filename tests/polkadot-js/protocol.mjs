// What the key centre and the meters compute, after docs/protocol.md section 3: just enough of it for a cycle of a small
// region. `protocol.test.mjs` checks it against the vectors of `primitives/`.
//
// **Privacy.** The masks and blindings that pass through here are made up by the caller.

import { ed25519, ristretto255 } from '@noble/curves/ed25519';
import { bnToU8a, stringToU8a, u8aConcat } from '@polkadot/util';
import { blake2AsU8a } from '@polkadot/util-crypto';
// polkadot.js signs in Substrate's context alone, and its library has no signature in another; so this is put together from parts.
import { __tests } from '@scure/sr25519';

const { Point } = ristretto255;
const ORDER = ed25519.Point.Fn.ORDER;
const WORD = 1n << 64n;

/// An integer in little-endian bytes.
const le = (value, bytes) => bnToU8a(BigInt(value), { bitLength: 8 * bytes });
/// The integer of little-endian bytes.
const integer = (bytes) => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);

/// H(domain, parts…): 64 bytes.
export function h(domain, ...parts) {
  const framed = parts.flatMap((part) => [le(part.length, 8), part]);
  return blake2AsU8a(u8aConcat(stringToU8a(`gridveil/v1/${domain}\0`), ...framed), 512);
}

/// A filter over these entries: 93 bits for each, of which it sets 64.
function filter(domain, context, entries) {
  const bytes = new Uint8Array(Math.ceil((93 * entries.length) / 8));
  for (const entry of entries) {
    const seed = h(domain, context, entry);
    for (let j = 0; j < 64; j += 1) {
      const word = h('stream', seed, le(j >> 3, 8)).subarray(8 * (j & 7), 8 * (j & 7) + 8);
      const position = Number((integer(word) * BigInt(8 * bytes.length)) / WORD);
      bytes[position >> 3] |= 1 << (position & 7);
    }
  }
  return bytes;
}

/// BF1 of a period over its pseudonyms.
export const periodFilter = ({ region, cycle, period }, prids) =>
  filter('filter/period', u8aConcat(le(region, 4), le(cycle, 4), le(period, 2)), prids);

/// BF2 of a cycle over the tallies of its periods, in order.
export const cycleFilter = (region, cycle, tallies) =>
  filter('filter/cycle', u8aConcat(le(region, 4), le(cycle, 4)), tallies.map((tally, k) => u8aConcat(le(k, 2), tally)));

/// T, the sum of pseudonyms.
export const tally = (prids) => prids.reduce((sum, prid) => sum.add(Point.fromBytes(prid)), Point.ZERO).toBytes();

/// A scalar in its canonical bytes, from any bytes.
export const scalar = (bytes) => le(integer(bytes) % ORDER, 32);

/// The commitment to a mask sum with a blinding.
export function commit(maskSum, blinding) {
  const generator = Point.hashToCurve(h('pedersen'));
  const terms = [[Point.BASE, maskSum], [generator, integer(blinding)]];
  return terms.reduce((sum, [point, factor]) => sum.add(factor ? point.multiply(factor) : Point.ZERO), Point.ZERO).toBytes();
}

/// A masked share as the meter sends it: modulo 2^64.
export const masked = (share, mask) => (((share + mask) % WORD) + WORD) % WORD;

/// What a pseudonym signs for a batch.
export const shareMessage = (genesis, { region, cycle, period }, value) =>
  u8aConcat(genesis, le(region, 4), le(cycle, 4), le(period, 2), le(value, 8));

/// The challenge of a signature for a batch.
function challenge(publicKey, commitment, message) {
  const transcript = new __tests.Merlin('SigningContext');
  for (const [label, part] of [
    ['', stringToU8a('gridveil/v1/share')],
    ['sign-bytes', message],
    ['proto-name', stringToU8a('Schnorr-sig')],
    ['sign:pk', publicKey],
    ['sign:R', commitment],
  ]) {
    transcript.appendMessage(label, part);
  }
  return integer(transcript.challengeBytes('sign:c', 64)) % ORDER;
}

/// Signs for a batch with a key as polkadot.js makes them, whose scalar is kept times the cofactor.
export function signForBatch({ publicKey, secretKey }, message) {
  const nonce = integer(h('nonce', secretKey, message)) % ORDER;
  const commitment = Point.BASE.multiply(nonce).toBytes();
  const key = integer(secretKey.subarray(0, 32)) >> 3n;
  const response = le((challenge(publicKey, commitment, message) * key + nonce) % ORDER, 32);
  // schnorrkel's mark.
  response[31] |= 128;
  return u8aConcat(commitment, response);
}

/// Whether that is such a signature.
export function isSigned(publicKey, message, signature) {
  const [commitment, response] = [signature.subarray(0, 32), signature.slice(32)];
  response[31] &= 127;
  const expected = Point.BASE.multiply(integer(response)).subtract(Point.fromBytes(publicKey).multiply(challenge(publicKey, commitment, message)));
  return expected.equals(Point.fromBytes(commitment));
}
