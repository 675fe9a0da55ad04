import { createHash } from 'node:crypto';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * Ids and jitter that the pure core makes: a function of the store's seed and a counter that never goes back, so the
 * same state always makes the same ones and no two states share one.
 */
function digest(seed: string, counter: number): Buffer {
  return createHash('sha256').update(`${seed}/${counter}`).digest();
}

/** Twelve letters and digits that a host name, a tag and a token may hold: 60 bits. */
export function deriveName(seed: string, counter: number): string {
  const bytes = digest(seed, counter);
  return Array.from({ length: 12 }, (_, at) => alphabet[(bytes[at] ?? 0) & 31]).join('');
}

/** Uniform in [0, 1). */
export function deriveFraction(seed: string, counter: number): number {
  return digest(seed, counter).readUIntBE(12, 6) / 2 ** 48;
}
