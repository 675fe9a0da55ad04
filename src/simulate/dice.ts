import type { Random } from '../model/clock.ts';

/** Chance from a seed: the same seed and stream give the same throws, whatever other streams are asked for. */
export interface Dice extends Random {
  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number;
  chance(share: number): boolean;
  oneOf<T>(choices: readonly [T, ...T[]]): T;
  /** Log-normal: half of all throws are below the median; `sigma` 0.5 puts 95 of 100 below 2.3 times the median. */
  around(median: number, sigma: number): number;
}

/** FNV-1a of the text. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    value ^= text.charCodeAt(at);
    value = Math.imul(value, 0x01000193);
  }
  return value >>> 0;
}

export function createDice(seed: number, stream: string): Dice {
  let state = hash(`${stream}/${seed}`);
  // A Weyl sequence with a mixing step: 32 bits of state are plenty for a day of weather.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    whole: (min, max) => min + Math.floor(next() * (max - min + 1)),
    chance: (share) => next() < share,
    oneOf: (choices) => choices[Math.floor(next() * choices.length)] ?? choices[0],
    around: (median, sigma) => {
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      return median * Math.exp(sigma * normal);
    },
  };
}
