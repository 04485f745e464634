// The aggregators: who leads, who forms blocks, how far finality is behind.

import type { Snapshot } from './chain';
import type { Config } from './config';
import { h, table } from './dom';
import { figure, many, short } from './words';

/** Blocks between the best and the last final one from which on something is wrong: more than rounds need to catch up. */
const LATE_BLOCKS = 10;

export const memberName = (config: Config, account: string) => config.members[account] ?? short(account);

export function consortiumView({ number, now, consortium }: Snapshot, best: number, config: Config): Node[] {
  const { leader, members, term, termStarted, termBlocks } = consortium;
  const lag = Math.max(best - number, 0);
  const age = Math.max(Math.round((Date.now() - now) / 1_000), 0);
  const name = (account: string) => h('span', { title: account }, memberName(config, account));
  const votes = (account: string) => members.filter(({ vote }) => vote === account).length;
  return [
    h('dl', { class: 'figures' },
      h('div', {}, h('dt', {}, 'Leader'), h('dd', {}, leader ? name(leader) : 'none; the members take turns')),
      h('div', {}, h('dt', {}, 'Finality lag'), h('dd', {}, many(lag, 'block'), h('small', {}, ` (the last final one is ${many(age, 'second')} old)`))),
      h('div', {}, h('dt', {}, 'Blocks'), h('dd', {}, figure(best), h('small', {}, ` best, ${figure(number)} final`))),
      h('div', {}, h('dt', {}, 'Term'), h('dd', {}, figure(term), h('small', {}, ` from block ${figure(termStarted)}, ${many(termBlocks, 'block')} long`)))),
    lag > LATE_BLOCKS &&
      h('p', { class: 'trouble' }, h('strong', {}, 'Finality is behind.'), ' Look at which members miss their slots below, and see “What to do” in docs/consensus.md.'),
    table('Members of the consortium', ['Member', 'Part', 'Blocks formed', 'Slots missed', 'Votes for it'], members.map((member) => [
      name(member.account),
      member.account === leader ? '★ leads' : member.away ? 'stepped out' : member.authority ? 'aggregator' : 'waits for its first term',
      figure(member.authored), figure(member.missed), figure(votes(member.account)),
    ])),
    h('p', {}, h('small', {}, 'Blocks and missed slots are halved with each term, so that old ones count ever less.')),
  ].filter((part) => part !== false);
}
