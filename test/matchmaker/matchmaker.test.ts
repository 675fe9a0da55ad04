import { describe, expect, test } from 'vitest';
import { fixedContext } from '../../src/classad/context.ts';
import { createMatchmaker } from '../../src/matchmaker/matchmaker.ts';
import type { Demand } from '../../src/model/demand.ts';
import { DemandId } from '../../src/model/ids.ts';
import type { Offer } from '../../src/model/offer.ts';
import { batchQueue, makeJobClass, makeOffer } from '../support/siteParts.ts';

const small = makeOffer({ name: 'small', memoryMiB: 2048, diskMiB: 1024 });
const refusal = (job: Parameters<typeof makeJobClass>[0], offer: Offer = small) =>
  createMatchmaker([offer], () => fixedContext).refusal(makeJobClass(job).ad, offer);

const demandOf = (job: Parameters<typeof makeJobClass>[0], id = 'd'): Demand => ({
  id: DemandId(id),
  queue: batchQueue,
  kind: 'counted',
  count: 1,
  ad: makeJobClass(job).ad,
  sampleJobs: [],
  oldestSubmittedAtMs: null,
  user: null,
  group: null,
  priority: 0,
  workers: 1,
  walltimeMs: null,
});

describe('why an offer cannot take a job', () => {
  test('it can: no refusal', () => {
    expect(refusal({})).toBeNull();
  });

  test('the first clause of the job´s Requirements that does not hold, as it is written', () => {
    const requirements = 'TARGET.Arch == "X86_64" && TARGET.VMType == "big" && TARGET.OpSys == "WINDOWS"';
    expect(refusal({ requirements })).toEqual({
      offer: 'small',
      side: 'job',
      clause: 'TARGET.VMType == "big"',
      found: 'false',
    });
  });

  test('a clause over what the offer does not say is undefined, not false', () => {
    expect(refusal({ requirements: 'TARGET.HasGPU' })).toMatchObject({ side: 'job', found: 'undefined' });
  });

  test('an alternative is one clause', () => {
    const requirements = '(TARGET.VMType == "x" || TARGET.VMType == "y") && true';
    expect(refusal({ requirements })?.clause).toContain('||');
  });

  test('the offer refuses the job', () => {
    const picky = makeOffer({ name: 'picky', more: 'Requirements = TARGET.RequestCpus >= 4' });
    expect(refusal({ cpus: 1 }, picky)).toMatchObject({
      side: 'offer',
      clause: 'TARGET.RequestCpus >= 4',
      found: 'false',
    });
  });

  test.each([
    ['cpus', { cpus: 2 }],
    ['memory', { memoryMiB: 4096 }],
    ['disk', { diskMiB: 2000 }],
  ])('requirements hold and the machine has too little %s', (_, job) => {
    expect(refusal({ ...job, requirements: 'true' })).toMatchObject({
      side: 'size',
      found: 'it has 1 cpus, 2048 MiB memory, 1024 MiB disk',
    });
  });

  test('a job without Requirements is matched by nobody, as the negotiator has it', () => {
    expect(refusal({ requirements: 'undefined' })).toMatchObject({ side: 'job' });
  });
});

describe('matches', () => {
  test('with what one job takes, how many fit, and both ranks', () => {
    const large = makeOffer({
      name: 'large',
      cpus: 8,
      memoryMiB: 16_384,
      more: 'Rank = TARGET.RequestCpus * 10',
    });
    const matchmaker = createMatchmaker([large, makeOffer({ name: 'b', vmType: 'b' })], () => fixedContext);
    const [match, ...others] = matchmaker
      .matches(demandOf({ cpus: 2, memoryMiB: 1000, rank: 'TARGET.Cpus' }))
      .values();
    expect(others).toEqual([]);
    expect(match).toMatchObject({
      jobsPerMachine: 4,
      jobRank: 8,
      offerRank: 20,
      request: { cpus: 2, memoryMiB: 1000, diskMiB: 1024 },
    });
  });

  test('what a job asks for may depend on the machine', () => {
    const matchmaker = createMatchmaker([small], () => fixedContext);
    const job = makeJobClass();
    const ad = demandOf({}).ad;
    expect(matchmaker.request(ad, small.ad)).toEqual({ ...job.request });
  });

  test('are kept for a demand as long as its id stays, and asked again when their time is over', () => {
    let nowSeconds = 1000;
    const matchmaker = createMatchmaker([small], () => ({ ...fixedContext, nowSeconds }), 60);
    const early = demandOf({ requirements: 'time() < 1030' });
    expect(matchmaker.matches(early).size).toBe(1);
    nowSeconds = 1059;
    expect(matchmaker.matches(early).size).toBe(1);
    nowSeconds = 1060;
    expect(matchmaker.matches(early).size).toBe(0);
  });
});

test('a static slot takes one job, a partitionable one as many as fit', () => {
  const large = makeOffer({ name: 'large', cpus: 8, memoryMiB: 16_384 });
  const matchmaker = createMatchmaker([large], () => fixedContext);
  const slot = { ad: large.ad, free: large.resources, partitionable: true };
  const demand = demandOf({ memoryMiB: 100 });
  expect(matchmaker.roomOn(demand, slot, large.resources)).toBe(8);
  expect(matchmaker.roomOn(demand, { ...slot, partitionable: false }, large.resources)).toBe(1);
  expect(matchmaker.roomOn(demand, slot, { ...large.resources, cpus: 0 })).toBe(0);
  expect(matchmaker.roomOn(demandOf({ vmType: 'b' }), slot, large.resources)).toBe(0);
});
