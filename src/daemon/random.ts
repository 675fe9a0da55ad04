import { randomBytes } from 'node:crypto';
import type { Random } from '../model/clock.ts';

/** A seed for a new site, from the host: 64 bits as hexadecimal digits. */
export function hostSeed(): string {
  return randomBytes(8).toString('hex');
}

/** The host's own randomness, for jitter that need not be replayed. */
export const hostRandom: Random = { next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48 };
