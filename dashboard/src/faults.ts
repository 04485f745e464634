// The last faults: periods in which shares were missing, and members that contradicted themselves.

import type { Period, Snapshot } from './chain';
import type { Config } from './config';
import { memberName } from './consortium';
import { h, table } from './dom';
import { regionName } from './grid';
import { clock, many } from './words';

export const faultyPeriods = ({ grid }: Snapshot): Period[] =>
  grid.regions.flatMap(({ periods }) => periods.filter(({ isFaulty }) => isFaulty)).sort((one, other) => other.index - one.index || one.region - other.region);

/** One sentence on a fault. */
export const tellFault = (period: Period, config: Config) =>
  `${regionName(config, period.region)}, period ${period.index}: ${period.count} of ${many(period.expected, 'share')} came`;

const outcome = (period: Period) =>
  period.state === 'suppressed' ? 'too few meters were complete; the fallback price applies'
  : period.meters === null ? 'the key centre looks for the meters that are silent'
  : `total of the ${many(period.meters, 'complete meter')}; ${many(period.expected / 2 - period.meters, 'meter')} left out`;

export function faultsView(snapshot: Snapshot, config: Config): Node[] {
  const periods = faultyPeriods(snapshot);
  const { offences, grid } = snapshot;
  return [
    h('h3', {}, 'Readings'),
    periods.length === 0
      ? h('p', {}, 'Every period that has closed lately has all of its shares.')
      : table('Faulty periods, the latest first', ['Period', 'Region', 'Shares', 'What became of it'], periods.map((period) => [
          `${period.index} (${clock(period.opens, grid.schedule!.periodMs)})`, regionName(config, period.region),
          `${period.count} of ${period.expected}`, outcome(period)])),
    h('h3', {}, 'Members'),
    offences.length === 0
      ? h('p', {}, 'No member has contradicted itself.')
      : table('Proven offences', ['Member', 'What it did', 'Term'], offences.map(({ account, kind, term }) => [
          memberName(config, account), kind === 'BlockEquivocation' ? 'formed two blocks in one slot' : 'voted for two blocks in one round', term])),
  ];
}
