// What the dashboard reads of the chain, at finalised blocks only, through the node behind this server's `/rpc`.
//
// Reads are runtime API calls, whose types polkadot.js takes from the metadata. A period that has its price never changes
// again and is read once.

import { ApiPromise, WsProvider } from '@polkadot/api';
import { encodeAddress } from '@polkadot/util-crypto';

/** As `GridApi_period` answers. */
interface PeriodView {
  status: 'Open' | 'Complete' | 'Faulty';
  meters: number;
  count: number;
  outcome: { opened: { meters: number; energy: number | string } } | { withheld: null } | null;
  price: number | string | null;
}

/** Open: shares are still expected; closed: all are there; faulty: some are not; suppressed: too few to open the total. */
export type State = 'open' | 'closed' | 'faulty' | 'suppressed';

export interface Period {
  region: number;
  cycle: number;
  index: number;
  /** When it begins, in milliseconds since 1970. */
  opens: number;
  state: State;
  /** Whether shares are missing, also where the total is suppressed. */
  isFaulty: boolean;
  expected: number;
  count: number;
  /** In watt-hours, once opened. */
  energy: number | null;
  /** The meters in it. */
  meters: number | null;
  /** In millionths of the currency unit per kWh. */
  price: number | null;
}

export interface Region {
  number: number;
  aggregator: string;
  minimumMeters: number;
  /** The latest ones that have begun, ascending. */
  periods: Period[];
}

export interface Schedule {
  cycle: number;
  start: number;
  periodMs: number;
  windowMs: number;
  periods: number;
}

export interface Grid {
  schedule: Schedule | null;
  regions: Region[];
}

export interface Member {
  account: string;
  authority: boolean;
  away: boolean;
  authored: number;
  missed: number;
  vote: string | null;
}

export interface Consortium {
  term: number;
  termStarted: number;
  termBlocks: number;
  leader: string | null;
  leaderMissed: number;
  members: Member[];
}

export interface Offence {
  account: string;
  kind: string;
  term: number;
}

export interface Snapshot {
  /** The finalised block that this was read at, and its time. */
  number: number;
  now: number;
  grid: Grid;
  consortium: Consortium;
  offences: Offence[];
}

export interface BillRecord {
  cycle: number;
  cid: string;
  hash: string;
}

/** How many periods back a region is shown: a day of half hours. */
const WINDOW = 48;

type At = Awaited<ReturnType<ApiPromise['at']>>;

const ask = async <T>(at: At, runtimeApi: string, method: string, ...given: unknown[]): Promise<T> => {
  const call = at.call[runtimeApi]?.[method];
  if (!call) throw new Error(`this chain's runtime has no ${runtimeApi}.${method}: is it gridveil's?`);
  return (await call(...given)).toJSON() as T;
};

export class Chain {
  readonly #api: ApiPromise;
  readonly #settled = new Map<string, Period>();

  private constructor(api: ApiPromise) {
    this.#api = api;
  }

  /** Connects and stays connected; `tell` hears how it goes, now and later. */
  static async connect(tell: (isConnected: boolean) => void): Promise<Chain> {
    const provider = new WsProvider(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/rpc`);
    provider.on('connected', () => tell(true));
    provider.on('disconnected', () => tell(false));
    provider.on('error', () => tell(false));
    return new Chain(await ApiPromise.create({ provider, noInitWarn: true }));
  }

  /** Hands out what there is with each finalised block; one that comes while another is read is skipped for a later one. */
  async follow(show: (snapshot: Snapshot) => void, fail: (cause: unknown) => void): Promise<void> {
    let isReading = false;
    await this.#api.rpc.chain.subscribeFinalizedHeads(async (header) => {
      if (isReading) return;
      isReading = true;
      try {
        show(await this.#snapshot(header.hash.toHex(), header.number.toNumber()));
      } catch (cause) {
        fail(cause);
      } finally {
        isReading = false;
      }
    });
  }

  /** Hands out the number of the best block. */
  async followBest(show: (number: number) => void): Promise<void> {
    await this.#api.rpc.chain.subscribeNewHeads((header) => show(header.number.toNumber()));
  }

  async #finalised(): Promise<At> {
    return this.#api.at(await this.#api.rpc.chain.getFinalizedHead());
  }

  /** Where a user's bills are. */
  async bills(bid: string): Promise<BillRecord[]> {
    const bills = await ask<[number, { cid: string; hash: string }][]>(await this.#finalised(), 'gridApi', 'bills', bid);
    return bills.map(([cycle, record]) => ({ cycle, ...record }));
  }

  /** The prices of a region's cycle, by period. */
  async prices(region: number, cycle: number): Promise<Map<number, number | null>> {
    const views = await ask<[number, PeriodView][]>(await this.#finalised(), 'gridApi', 'cycleView', region, cycle);
    return new Map(views.map(([period, { price }]) => [period, price === null ? null : Number(price)]));
  }

  async #snapshot(hash: string, number: number): Promise<Snapshot> {
    const at = await this.#api.at(hash);
    const now = await ask<number>(at, 'gridApi', 'now');
    const [grid, consortium, evidence] = await Promise.all([
      this.#grid(at, now),
      ask<Consortium>(at, 'finalityApi', 'consortium'),
      at.query.finality!.evidence!.keys(),
    ]);
    const offences = evidence.map(({ args: [account, what] }) => {
      const [kind, term] = what!.toJSON() as [string, number];
      return { account: account!.toString(), kind, term };
    });
    return { number, now, grid, consortium, offences };
  }

  /** The cycle that has begun last. */
  async #schedule(at: At, now: number): Promise<Schedule | null> {
    const latest = await ask<number | null>(at, 'gridApi', 'latestCycle');
    for (let cycle = latest ?? -1; cycle >= 0; cycle -= 1) {
      const schedule = await ask<Omit<Schedule, 'cycle'>>(at, 'gridApi', 'cycle', cycle);
      if (schedule.start <= now || cycle === 0) return { ...schedule, cycle };
    }
    return null;
  }

  async #grid(at: At, now: number): Promise<Grid> {
    const [schedule, regions] = await Promise.all([
      this.#schedule(at, now),
      ask<[number, { aggregator: string; minimumMeters: number }][]>(at, 'gridApi', 'regions'),
    ]);
    const begun = schedule ? Math.min(Math.floor((now - schedule.start) / schedule.periodMs) + 1, schedule.periods) : 0;
    const indices = Array.from({ length: Math.min(Math.max(begun, 0), WINDOW) }, (_, back) => begun - 1 - back).reverse();
    return {
      schedule,
      regions: await Promise.all(
        regions.map(async ([region, { aggregator, minimumMeters }]) => {
          const periods = await Promise.all(indices.map((index) => this.#period(at, region, schedule!, index)));
          return { number: region, aggregator: encodeAddress(aggregator, this.#api.registry.chainSS58), minimumMeters, periods: periods.filter((period) => period !== null) };
        }),
      ),
    };
  }

  async #period(at: At, region: number, { cycle, start, periodMs }: Schedule, index: number): Promise<Period | null> {
    const key = `${region}/${cycle}/${index}`;
    const known = this.#settled.get(key);
    if (known) return known;
    const view = await ask<PeriodView | null>(at, 'gridApi', 'period', { region, cycle, period: index });
    if (!view) return null;
    const opened = view.outcome && 'opened' in view.outcome ? view.outcome.opened : null;
    const isFaulty = view.status === 'Faulty';
    const isSuppressed = view.outcome !== null && opened === null;
    const period: Period = {
      region,
      cycle,
      index,
      opens: start + index * periodMs,
      state: isSuppressed ? 'suppressed' : isFaulty ? 'faulty' : view.status === 'Complete' ? 'closed' : 'open',
      isFaulty,
      expected: 2 * view.meters,
      count: view.count,
      energy: opened && Number(opened.energy),
      meters: opened && opened.meters,
      price: view.price === null ? null : Number(view.price),
    };
    if (period.price !== null) this.#settled.set(key, period);
    return period;
  }
}
