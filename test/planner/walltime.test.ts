import { describe, expect, test } from 'vitest';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';
import { coming, decide, demandOf, draining, launched, nowMs, serving } from '../support/situation.ts';

const minute = 60_000;
/** Machines may boot and join for two minutes each. */
const short = makePool({ offers: ['small'], limits: { lifetimeMs: 60 * minute } });
const jobs = (walltimeMs: number | null) => demandOf(makeJobClass(), 1, { walltimeMs });

describe('a job that says how long it may run', () => {
  test('is put on a free machine that lives so long', () => {
    const old = (ageMs: number) => [serving('idle', 'a', { createdAtMs: nowMs - ageMs })];
    const fits = decide({ pools: [short], machines: old(29 * minute), demand: [jobs(30 * minute)] });
    expect(fits).toMatchObject({ launches: [], demand: [{ onWorkers: 1 }] });
    const tooOld = decide({ pools: [short], machines: old(31 * minute), demand: [jobs(30 * minute)] });
    expect(launched(tooOld)).toEqual(['pool/small ×1 demand']);
  });

  test('is not put on a machine on its way, or one that drains, that will not', () => {
    const over = { createdAtMs: nowMs - 40 * minute };
    expect(
      decide({ pools: [short], machines: [coming('a', over)], demand: [jobs(30 * minute)] }).demand,
    ).toMatchObject([{ onComing: 0, onLaunches: 1 }]);
    const drains = draining('a');
    const late = { ...drains, instance: { ...drains.instance, ...over } };
    expect(decide({ pools: [short], machines: [late], demand: [jobs(30 * minute)] }).undrains).toEqual([]);
  });

  test('longer than a new machine serves jobs: nothing is launched, and it is said', () => {
    const decided = decide({ pools: [short], demand: [jobs(57 * minute)] });
    expect(decided.launches).toEqual([]);
    expect(decided.demand).toMatchObject([
      {
        unmet: 1,
        shortage: { code: 'walltime', figures: { walltimeMs: 57 * minute, longestMs: 56 * minute } },
      },
    ]);
  });

  test('goes to the pool whose machines live long enough', () => {
    const long = makePool({ name: 'long', offers: ['dear'] });
    const offers = [makeOffer({ name: 'small', perHour: 1 }), makeOffer({ name: 'dear', perHour: 2 })];
    expect(launched(decide({ offers, pools: [short, long], demand: [jobs(90 * minute)] }))).toEqual([
      'long/dear ×1 demand',
    ]);
  });

  test('one that does not say is taken to fit', () => {
    const machines = [serving('idle', 'a', { createdAtMs: nowMs - 59 * minute })];
    expect(decide({ pools: [short], machines, demand: [jobs(null)] }).demand).toMatchObject([
      { onWorkers: 1 },
    ]);
  });
});

describe('a job that wants its machine for itself', () => {
  const large = makeOffer({ name: 'large', cpus: 4, memoryMiB: 8192 });
  const offers = [large];
  const pools = [makePool({ offers: ['large'] })];
  const whole = (count: number, more = 'WantWholeMachine = true') => {
    const jobClass = makeJobClass({ name: 'whole', more });
    return demandOf(jobClass, count);
  };

  test('has a machine each', () => {
    expect(launched(decide({ offers, pools, demand: [whole(3)] }))).toEqual(['pool/large ×3 demand']);
  });

  test('leaves nothing for others', () => {
    const single = demandOf(makeJobClass({ name: 'x' }), 1, { oldestSubmittedAtMs: 1 });
    expect(launched(decide({ offers, pools, demand: [whole(1), single] }))).toEqual([
      'pool/large ×1 demand',
      'pool/large ×1 demand',
    ]);
  });

  test('may say so by asking for all processors', () => {
    expect(launched(decide({ offers, pools, demand: [whole(2, 'RequestCpus = TARGET.Cpus')] }))).toEqual([
      'pool/large ×2 demand',
    ]);
  });
});

describe('priority of pools', () => {
  const offers = [makeOffer({ name: 'cheap', perHour: 1 }), makeOffer({ name: 'dear', perHour: 2 })];

  test('the greater serves first what both could, whatever the price', () => {
    const pools = [
      makePool({ name: 'a', offers: ['cheap'] }),
      makePool({ name: 'b', offers: ['dear'], priority: 1, max: 2 }),
    ];
    expect(launched(decide({ offers, pools, demand: [demandOf(makeJobClass(), 3)] }))).toEqual([
      'b/dear ×2 demand',
      'a/cheap ×1 demand',
    ]);
  });

  test('the greater has what is left of a cloud: for its jobs, then for its min', () => {
    const special = makeOffer({ name: 'special', vmType: 's' });
    const pools = [
      makePool({ name: 'a', offers: ['cheap'], min: 1 }),
      makePool({ name: 'b', offers: ['special'], priority: 5, min: 2 }),
    ];
    const demand = [
      demandOf(makeJobClass(), 3, { priority: 20 }),
      demandOf(makeJobClass({ vmType: 's' }), 1, { oldestSubmittedAtMs: 9 }),
    ];
    const clouds = [{ name: special.cloud, max: 3, launchesLeft: 9, trouble: null }];
    expect(launched(decide({ offers: [...offers, special], pools, demand, clouds }))).toEqual([
      'b/special ×1 demand',
      'b/special ×1 min',
      'a/cheap ×1 demand',
    ]);
  });
});
