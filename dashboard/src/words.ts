// Figures as people read them.

/** A number with at most so many decimals, in the reader's own language. */
export const figure = (value: number, decimals = 0) => value.toLocaleString(undefined, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

/** Millionths of the currency unit per kWh. */
export const price = (millionths: number, currency: string) => `${figure(millionths / 1e6, 4)} ${currency ? `${currency}/` : 'per '}kWh`;

/** Hundredths of the currency unit. */
export const amount = (hundredths: number, currency: string) => `${figure(hundredths / 100, 2)} ${currency}`.trim();

/** The time of day, with seconds where periods are shorter than a minute; with the day where there are several. */
export const clock = (moment: number, periodMs: number, withDay = false) =>
  new Date(moment).toLocaleString(undefined, {
    ...(withDay ? { day: '2-digit', month: 'short' } : {}),
    hour: '2-digit',
    minute: '2-digit',
    ...(periodMs % 60_000 ? { second: '2-digit' } : {}),
  });

/** `one thing` or `3 things`. */
export const many = (count: number, one: string, more = `${one}s`) => `${figure(count)} ${count === 1 ? one : more}`;

/** The two ends of something long. */
export const short = (text: string) => (text.length > 18 ? `${text.slice(0, 8)}…${text.slice(-6)}` : text);
