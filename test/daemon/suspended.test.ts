import { expect, test } from 'vitest';
import { QueueError } from '../../src/model/errors.ts';
import { breaches } from '../../src/simulate/verdicts.ts';
import { phasesOf, workingSite } from '../support/scenes.ts';

/**
 * The daemon's host sleeps and wakes: its monotonic clock has stood still, its wall clock has moved on, whatever was
 * under way is lost, and the first looks afterwards fail on connections that are long dead.
 */
test.each([60_000, 3_600_000, 86_400_000])(
  'a host that was suspended for %i ms ends and launches nothing',
  async (ms) => {
    const site = await workingSite(3);
    const before = phasesOf(site);
    const { launch, terminate } = site.cloud.calls;
    const dead = new QueueError('unavailable', 'the connection is dead');
    site.queue.levers.fault = () => ({ kind: 'hang' });
    site.cloud.levers.fault = () => ({ kind: 'hang' });
    await site.run(1000);
    site.clock.stepWall(ms);
    site.queue.levers.fault = () => ({ kind: 'refuse', error: dead });
    await site.run(40_000);
    site.queue.levers.fault = () => null;
    site.cloud.levers.fault = () => null;
    await site.run(120_000);
    expect(phasesOf(site)).toEqual(before);
    expect(site.cloud.calls).toMatchObject({ launch, terminate });
    expect(site.queue.kills).toEqual([]);
    expect(breaches(site)).toEqual([]);
  },
);
