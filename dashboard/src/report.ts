// A bill as `docs/protocol.md` section 7.5 has it, and what can be checked about it without the meter.
//
// **Privacy.** Works on what was decrypted, in memory; keeps and sends nothing.

import { base32Encode, blake2AsHex } from '@polkadot/util-crypto';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { Decrypter } from 'age-encryption';

const OPENS = '<script type="application/json" id="report">';
const CLOSES = '</script>';
/** What a binary CID of a bill begins with: version 1, raw, SHA2-256 of 32 bytes. */
const CID_BEGINS = '0x01551220';

export type Line = [period: number, energy: number | null, price: number | null];

export interface Report {
  version: number;
  bid: string;
  cycle: number;
  region: number;
  currency: string;
  start: number;
  period_ms: number;
  lines: Line[];
  energy: number;
  amount: number;
  notes: string[];
}

/** The text form of a binary CID, which stores and gateways go by. */
export const cidText = (cid: string) => base32Encode(hexToU8a(cid), true);

/** Whether these are the bytes of a CID of the one kind that bills have. */
export async function isOfCid(bytes: Uint8Array<ArrayBuffer>, cid: string): Promise<boolean> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return cid === CID_BEGINS + u8aToHex(digest, -1, false);
}

/** Whether this is the BLAKE2b-256 of the bytes. */
export const isOfHash = (bytes: Uint8Array, hash: string) => blake2AsHex(bytes, 256) === hash;

/** The secret key in the text of an identity file; comments beside it do not matter. `null` where there is none. */
export const identityIn = (text: string) => /^AGE-SECRET-KEY-1[0-9A-Z]{58}$/m.exec(text.trim())?.[0] ?? null;

/** The page in a sealed bill. Rejects where the key is not the bill's. */
export async function open(bytes: Uint8Array, identity: string): Promise<string> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return (await decrypter.decrypt(bytes, 'text')).trimEnd();
}

/** The report in a page. Throws where there is none, or one of another version. */
export function reportIn(page: string): Report {
  const [, rest] = page.split(OPENS);
  const report = JSON.parse(rest?.split(CLOSES)[0] ?? 'null') as Report | null;
  if (report?.version !== 1) throw new Error(`it is of version ${report?.version ?? 'none'}, and this page reads version 1`);
  return report;
}

/** Whether periods are in order and both sums are what the periods add up to; the amount is rounded once, half away from 0. */
export function addsUp({ lines, energy, amount }: Report): boolean {
  const inOrder = lines.every(([period], index) => index === 0 || lines[index - 1]![0] < period);
  const used = lines.reduce((sum, [, each]) => sum + BigInt(each ?? 0), 0n);
  const cost = lines.reduce((sum, [, each, price]) => sum + (each === null || price === null ? 0n : BigInt(each) * BigInt(price)), 0n);
  // 10^-9 of the currency unit to hundredths.
  const half = cost < 0n ? -5_000_000n : 5_000_000n;
  return inOrder && used === BigInt(energy) && (cost + half) / 10_000_000n === BigInt(amount);
}

/** The periods whose price is not the chain's. */
export const otherPrices = ({ lines }: Report, prices: Map<number, number | null>) =>
  lines.filter(([period, , price]) => price !== (prices.get(period) ?? null)).map(([period]) => period);
