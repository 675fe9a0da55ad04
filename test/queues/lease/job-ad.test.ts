import { describe, expect, it } from 'vitest';
import { adFromValues } from '../../../src/classad/ad.ts';
import { symmetricMatch } from '../../../src/classad/match.ts';
import { PoolName } from '../../../src/model/ids.ts';
import type { LeaseRequest } from '../../../src/model/lease.ts';
import { jobAdOf } from '../../../src/queues/lease/job-ad.ts';

const wish = (requirements: string): LeaseRequest => ({
  pool: PoolName('desks'),
  requirements,
  request: { cpus: 1, memoryMiB: 0, diskMiB: 0, gpus: 0 },
  user: 'ann',
  holder: null,
  priority: 0,
  note: '',
  publicKey: null,
  ttlMs: 60_000,
});

const machine = (attributes: Readonly<Record<string, string>>) =>
  adFromValues({ Requirements: true, LeasePool: 'desks', ...attributes });

describe('a lease in a job’s words', () => {
  // In the old syntax `\"` at the end of a text is a backslash and the end of the string.
  it('wants what its requirements say by themselves, and a machine of its pool', () => {
    const ad = jobAdOf(wish(String.raw`TARGET.Drive == "C:\"`));
    expect(symmetricMatch(ad, machine({ Drive: 'C:\\' }))).toBe(true);
    expect(symmetricMatch(ad, machine({ Drive: 'D:\\' }))).toBe(false);
    expect(symmetricMatch(ad, machine({ Drive: 'C:\\', LeasePool: 'racks' }))).toBe(false);
  });

  it.each(['true) || (true', 'true || (', 'true //', 'true /*', ''])(
    'reaches no machine of another pool, or is refused: %j',
    (requirements) => {
      let ad: ReturnType<typeof jobAdOf> | null = null;
      try {
        ad = jobAdOf(wish(requirements));
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid' });
      }
      expect(ad !== null && symmetricMatch(ad, machine({ LeasePool: 'racks' }))).toBe(false);
    },
  );
});
