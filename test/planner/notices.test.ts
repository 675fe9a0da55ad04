import { describe, expect, test } from 'vitest';
import { decide, serving } from '../support/situation.ts';

const notice = 'Your Spot Instance is marked for termination.';

describe('a machine that the cloud takes back', () => {
  test('is drained, with a job or without, and says why', () => {
    const machines = [serving('claimed', 'a'), serving('idle', 'b'), serving('claimed', 'c')].map(
      (machine, n) => (n === 2 ? machine : { ...machine, sighting: { ...machine.sighting, notice } }),
    );
    const { drains } = decide({ machines });
    expect(drains).toMatchObject([
      { instance: 'a-0', reason: 'reclaimed', why: `the cloud takes it back: ${notice}` },
      { instance: 'b-0', reason: 'reclaimed' },
    ]);
  });
});
