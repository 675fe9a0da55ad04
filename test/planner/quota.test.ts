import { describe, expect, it } from 'vitest';
import { startSite } from '../support/scenes.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';
import { cloud, coming, decide, demandOf, launched, nowMs } from '../support/situation.ts';

const pools = [makePool({ offers: ['small'], max: 100 })];
const offers = [makeOffer({ name: 'small', cpus: 4, memoryMiB: 4096 })];
const demand = [demandOf(makeJobClass({ cpus: 4 }), 9)];
const quota = { takenAtMs: nowMs - 60_000, instances: null, cpus: null, memoryMiB: null };

describe('what an account may still have', () => {
  it.each([
    ['machines', { instances: 3 }, 3],
    ['CPUs', { cpus: 11 }, 2],
    ['memory', { memoryMiB: 17_000 }, 4],
    ['nothing', { instances: 0 }, 0],
  ])('bounds launches by %s', (_, left, count) => {
    const clouds = [cloud({ quota: { ...quota, ...left } })];
    const plan = decide({ offers, pools, demand, clouds });
    expect(launched(plan)).toEqual(count === 0 ? [] : [`pool/small ×${count} demand`]);
    expect(plan.demand[0]?.shortage).toMatchObject({ code: 'quota' });
  });

  it('is less by what was asked for since it was told', () => {
    const clouds = [cloud({ quota: { ...quota, instances: 3 } })];
    const machines = [
      coming('new', { createdAtMs: nowMs - 1000, deadlineMs: nowMs - 1 }),
      coming('old', { createdAtMs: nowMs - 600_000, deadlineMs: nowMs - 1 }),
    ];
    expect(launched(decide({ offers, pools, demand, clouds, machines }))).toEqual(['pool/small ×2 demand']);
  });

  it('is asked of the cloud, so that it need not refuse', async () => {
    const site = startSite();
    site.kill();
    site.cloud.levers.tellsQuota = true;
    site.cloud.levers.quota = 2;
    site.start();
    await site.run(15_000);
    site.queue.submit(makeJobClass(), { count: 4, runMs: 60_000 });
    await site.run(60_000);
    expect(site.made()).toHaveLength(2);
    expect(site.status()).toMatchObject({
      totals: { sinceStore: { refused: 0 } },
      clouds: [{ setAside: [], quota: { instances: 0 } }],
      pools: [{ unmet: [{ code: 'quota', jobs: 2 }] }],
    });
    await site.runUntil(() => site.queue.done() === 4, { withinMs: 600_000, what: 'all are done' });
  });
});
