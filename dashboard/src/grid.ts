// The regions: load against capacity, price, and how each of the latest periods stands.

import type { Grid, Period, Region, Schedule, State } from './chain';
import { chart } from './chart';
import type { Config } from './config';
import { memberName } from './consortium';
import { h, table } from './dom';
import { clock, figure, many, price } from './words';

/** Each state with a sign of its own, so that colour is not the only difference. */
const STATES: Record<State, { sign: string; meaning: string }> = {
  open: { sign: '○', meaning: 'shares are still expected' },
  closed: { sign: '●', meaning: 'all shares are there' },
  faulty: { sign: '▲', meaning: 'shares are missing or wrong' },
  suppressed: { sign: '■', meaning: 'too few meters to show a total; the fallback price applies' },
};

export const regionName = (config: Config, region: number) => config.regions[region]?.name ?? `Region ${region}`;

/** Kilowatts over a period that used so many watt-hours. */
const kilowatts = (energy: number, hours: number) => energy / 1_000 / hours;

const state = (period: Period) => h('span', { class: `state ${period.state}` }, `${STATES[period.state].sign} ${period.state}`);

function card(region: Region, schedule: Schedule, config: Config): HTMLElement {
  const name = regionName(config, region.number);
  const capacity = config.regions[region.number]?.capacityKw;
  const hours = (config.periodMinutes ?? schedule.periodMs / 60_000) / 60;
  const at = (period: Period) => clock(period.opens, schedule.periodMs);
  const load = (period: Period) => (period.energy === null ? null : kilowatts(period.energy, hours));
  const latest = region.periods.filter(({ energy }) => energy !== null).at(-1);
  const priced = region.periods.filter((period) => period.price !== null).at(-1);
  const now = latest && load(latest)!;
  return h('article', { 'aria-labelledby': `region-${region.number}` },
    h('h3', { id: `region-${region.number}` }, name),
    h('dl', { class: 'figures' },
      h('div', {}, h('dt', {}, latest ? `Load at ${at(latest)}` : 'Load'),
        h('dd', {}, now === undefined ? 'not known' : `${figure(now, 1)} kW`,
          capacity !== undefined && h('small', {}, now === undefined ? ` of ${figure(capacity)} kW` : ` of ${figure(capacity)} kW (${figure((100 * now) / capacity)} %)`))),
      h('div', {}, h('dt', {}, priced ? `Price at ${at(priced)}` : 'Price'),
        h('dd', {}, priced ? price(priced.price!, config.currency) : 'not set yet'))),
    capacity !== undefined && now !== undefined &&
      h('meter', { min: 0, max: capacity, high: capacity * 0.9, optimum: 0, value: Math.max(now, 0), 'aria-label': `${name}: load against capacity` }),
    h('ul', { class: 'counts', 'aria-label': `${name}: periods by state` },
      ...(Object.keys(STATES) as State[]).map((each) =>
        h('li', { title: STATES[each].meaning, 'data-state': each }, h('span', { class: `state ${each}` }, `${STATES[each].sign} ${each}`), ` ${region.periods.filter((period) => period.state === each).length}`))),
    region.periods.length > 0 &&
      chart(`${name}: load by period in kW, price as a line; the table below has the same figures`,
        region.periods.map((period) => ({ label: at(period), value: load(period), price: period.price === null ? null : period.price / 1e6 })), 'kW', `${config.currency}/kWh`, capacity),
    h('p', {}, h('small', {}, `Aggregator: ${memberName(config, region.aggregator)}. A total is shown for ${many(region.minimumMeters, 'meter')} or more.`)),
    region.periods.length > 0 && h('details', { 'data-region': region.number },
      h('summary', {}, many(region.periods.length, 'period')),
      table(`${name}, period by period`, ['Period', 'State', 'Shares', 'Load', 'Price'], region.periods.map((period) => [
        at(period), state(period), `${period.count} of ${period.expected}`,
        load(period) === null ? '–' : `${figure(load(period)!, 1)} kW`,
        period.price === null ? '–' : price(period.price, config.currency),
      ]).reverse())));
}

export function gridView({ schedule, regions }: Grid, config: Config): Node[] {
  if (!schedule) return [h('p', {}, 'No cycle is scheduled yet. The key centre schedules one with ', h('code', {}, 'grid-operator key-centre schedule'), '.')];
  const end = schedule.start + schedule.periods * schedule.periodMs;
  return [
    h('p', {}, `Cycle ${schedule.cycle}: ${many(schedule.periods, 'period')} from ${clock(schedule.start, schedule.periodMs, true)} to ${clock(end, schedule.periodMs, true)}. Shown are the latest that have begun.`),
    h('div', { class: 'cards' }, ...regions.map((region) => card(region, schedule, config))),
  ];
}
