// What the operator says about the grid that is not on the chain: `config.json` beside the page, all of it optional.

export interface Config {
  /** What prices are in. */
  currency: string;
  /** The minutes that a period stands for, where the chain's clock is shortened; else the chain's own. */
  periodMinutes?: number;
  /** By region number. */
  regions: Record<string, { name?: string; capacityKw?: number }>;
  /** Names by account. */
  members: Record<string, string>;
}

export async function config(): Promise<Config> {
  const none: Config = { currency: '', regions: {}, members: {} };
  try {
    const answer = await fetch('/config.json');
    return answer.ok ? { ...none, ...(await answer.json()) } : none;
  } catch {
    return none;
  }
}
