import { fixedContext } from '../../src/classad/context.ts';
import { parseLongAd } from '../../src/classad/long.ts';
import { emptyFleet } from '../../src/fleet/fleet.ts';
import { createMatchmaker } from '../../src/matchmaker/matchmaker.ts';
import type { Demand, QueueSnapshot } from '../../src/model/demand.ts';
import { DemandId, JobId } from '../../src/model/ids.ts';
import type { Offer } from '../../src/model/offer.ts';
import { type PlanInput, plan } from '../../src/planner/plan.ts';
import { batchQueue, east, makeOffer, makePool } from '../support/siteParts.ts';
import { heapMiB, quantile, round, timed } from './figures.ts';

/**
 * One plan for J waiting jobs against O offers. Jobs come in classes as they do from condor_submit: a VMType, a number of
 * processors and a memory; J/200 classes, 500 at most. `cold` parses and compiles every ad and matches each class
 * with each offer; `warm` is a later tick with the same classes.
 */
const jobCounts = [1_000, 10_000, 100_000];
const offerCounts = [10, 1_000];
const warmRuns = 20;
const vmTypes = 40;

export async function run() {
  const figures = [];
  for (const jobs of jobCounts) for (const offers of offerCounts) figures.push(measure(jobs, offers));
  return figures;
}

function measure(jobs: number, offerCount: number) {
  const classes = Math.min(500, Math.max(1, Math.round(jobs / 200)));
  const before = heapMiB();
  let input: PlanInput | null = null;
  const coldMs = timed(() => {
    input = makeInput({ jobs, classes, offerCount });
    plan(input);
  });
  const ready = input as PlanInput | null;
  if (ready === null) throw new Error('no input');
  const warmMs = Array.from({ length: warmRuns }, () => timed(() => plan(ready)));
  const usedMiB = heapMiB() - before;
  const { launches, demand } = plan(ready);
  return {
    jobs,
    classes,
    offers: offerCount,
    coldMs: round(coldMs),
    warmP50Ms: round(quantile(warmMs, 0.5), 2),
    warmMaxMs: round(quantile(warmMs, 1), 2),
    heapMiB: round(usedMiB),
    machinesPlanned: launches.reduce((sum, { count }) => sum + count, 0),
    jobsServed: demand.reduce((sum, { onLaunches }) => sum + onLaunches, 0),
  };
}

function makeInput({
  jobs,
  classes,
  offerCount,
}: {
  jobs: number;
  classes: number;
  offerCount: number;
}): PlanInput {
  const offers = Array.from({ length: offerCount }, (_, at) => benchOffer(at));
  const demand = Array.from({ length: classes }, (_, at) => benchDemand(at, Math.round(jobs / classes)));
  const view: QueueSnapshot = {
    queue: batchQueue,
    takenAtMs: 0,
    workersComplete: true,
    demandComplete: true,
    demand,
    workers: [],
    jobs: { waiting: jobs, running: 0, held: 0 },
  };
  return {
    nowMs: 1_000,
    pools: [makePool({ offers: offers.map(({ name }) => name), max: 1_000_000 })],
    offers: new Map(offers.map((offer) => [offer.name, offer])),
    clouds: new Map([[east, { name: east, max: null, launchesLeft: 1_000_000, trouble: null }]]),
    queues: new Map([[batchQueue, { view, trouble: null, isNew: true }]]),
    fleet: emptyFleet,
    setAsides: new Map(),
    matchmaker: createMatchmaker(offers, () => fixedContext),
    instanceOf: () => null,
  };
}

function benchOffer(at: number): Offer {
  const cpus = 2 ** (at % 6);
  return makeOffer({
    name: `offer-${at}`,
    vmType: `type-${at % vmTypes}`,
    cpus,
    memoryMiB: cpus * 4096,
    diskMiB: cpus * 20_480,
    perHour: 0.02 * cpus + 0.0001 * (at % 97),
    more: 'HasFileTransfer = true\nCondorVersion = "$CondorVersion: 25.14.1 2026-10-01 $"',
  });
}

function benchDemand(at: number, count: number): Demand {
  const ad = parseLongAd(
    [
      `VMType = "type-${at % vmTypes}"`,
      `RequestCpus = ${1 + (at % 4)}`,
      `RequestMemory = ${512 * (1 + (at % 7))}`,
      'RequestDisk = 1048576',
      'Requirements = (TARGET.VMType == MY.VMType) && (TARGET.Arch == "X86_64") && (TARGET.OpSys == "LINUX") && ' +
        '(TARGET.Disk >= RequestDisk) && (TARGET.Memory >= RequestMemory) && (TARGET.Cpus >= RequestCpus) && ' +
        '(TARGET.HasFileTransfer)',
    ].join('\n'),
  );
  return {
    id: DemandId(`class-${at}`),
    queue: batchQueue,
    kind: 'counted',
    count,
    ad,
    sampleJobs: [JobId(`schedd#${at}.0`)],
    oldestSubmittedAtMs: at,
    user: null,
    group: null,
    priority: 0,
    workers: 1,
    walltimeMs: null,
  };
}
