// A chart of use and price: bars and a line. What it shows is also in a table beside it, so that it has no text of its own
// but its axes.

import { s } from './dom';
import { figure } from './words';

export interface Bar {
  label: string;
  /** What was used, or fed in where it is negative; `null` where it is not known. */
  value: number | null;
  price: number | null;
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [480, 220, 52, 52, 18, 26];

/** `limit` is drawn across; `unit` is the bars', `priceUnit` the line's. */
export function chart(label: string, bars: Bar[], unit: string, priceUnit: string, limit?: number): SVGElement {
  const values = bars.flatMap(({ value }) => value ?? []);
  const prices = bars.flatMap(({ price }) => price ?? []);
  const high = Math.max(...values, limit ?? 0, 0) * 1.05 || 1;
  const low = Math.min(...values, 0) * 1.05;
  // Lower than the bars may be, so that a price that stays does not lie on the limit.
  const highest = Math.max(...prices, 0);
  const dearest = highest * 1.25 || 1;
  const [right, bottom] = [WIDTH - RIGHT, HEIGHT - BOTTOM];
  const step = (right - LEFT) / Math.max(bars.length, 1);
  const x = (index: number) => LEFT + index * step;
  const y = (value: number) => bottom - ((value - low) / (high - low)) * (bottom - TOP);
  const yPrice = (price: number) => bottom - (price / dearest) * (bottom - TOP);
  const text = (at: number, height: number, anchor: string, words: string) => s('text', { x: at, y: height, 'text-anchor': anchor }, words);
  const line = (name: string, height: number) => s('line', { class: name, x1: LEFT, x2: right, y1: height, y2: height });

  const drawn = bars.map(({ value }, index) => {
    if (value === null) return s('rect', { class: 'unknown', x: x(index), y: TOP, width: step, height: bottom - TOP });
    const [top, foot] = [y(Math.max(value, 0)), y(Math.min(value, 0))];
    return s('rect', { class: 'bar', x: x(index) + step * 0.1, y: top, width: step * 0.8, height: Math.max(foot - top, 0.5) });
  });
  // A price holds for the whole of its period.
  const path = bars.flatMap(({ price }, index) =>
    price === null ? [] : [`${index && bars[index - 1]!.price !== null ? 'L' : 'M'}${x(index)} ${yPrice(price)}H${x(index + 1)}`]);
  const shown = [...new Set([0, Math.floor((bars.length - 1) / 2), bars.length - 1])].filter((index) => bars[index]);
  return s('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label, class: 'chart' },
    ...[0, high / 1.05, ...(low ? [low / 1.05] : [])].flatMap((value) => [line('grid', y(value)), text(LEFT - 6, y(value) + 4, 'end', figure(value, value && high < 10 ? 2 : 0))]),
    ...drawn,
    limit === undefined ? null : line('limit', y(limit)),
    s('path', { class: 'price', d: path.join('') }),
    ...(prices.length ? [text(right + 6, yPrice(highest) + 4, 'start', figure(highest, 3)), text(right + 6, bottom + 4, 'start', '0')] : []),
    ...shown.map((index) => text(x(index) + step / 2, HEIGHT - 8, 'middle', bars[index]!.label)),
    text(LEFT - 6, TOP - 6, 'end', unit),
    text(WIDTH, TOP - 6, 'end', priceUnit));
}
