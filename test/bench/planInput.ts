import { withAttributes } from '../../src/classad/ad.ts';
import { fixedContext } from '../../src/classad/context.ts';
import { parseLongAd } from '../../src/classad/long.ts';
import type { FleetEntry } from '../../src/fleet/entry.ts';
import { createMatchmaker } from '../../src/matchmaker/matchmaker.ts';
import type { Demand, QueueSnapshot, Worker } from '../../src/model/demand.ts';
import { DemandId, JobId } from '../../src/model/ids.ts';
import type { Offer } from '../../src/model/offer.ts';
import { noResources } from '../../src/model/resources.ts';
import type { PlanInput } from '../../src/planner/plan.ts';
import { makeEntry, makeFleet, makeInstance, makeWorker } from '../support/fleetParts.ts';
import { batchQueue, east, makeOffer, makePool } from '../support/siteParts.ts';

export interface PlanSize {
  readonly jobs: number;
  readonly classes: number;
  readonly offers: number;
  readonly instances: number;
}

export const nowMs = 1_000_000;
const vmTypes = 40;

/**
 * Jobs come in classes as they do from condor_submit: a VMType, a number of processors and a memory. Of the instances 70
 * of 100 are full, 10 have a processor left, 10 are free and 10 on their way; each worker has a slot ad of its own.
 */
export function planInputOf(size: PlanSize, machines: readonly BenchMachine[] = machinesOf(size)): PlanInput {
  const each = Math.max(1, Math.round(size.jobs / size.classes));
  const demand = Array.from({ length: size.classes }, (_, at) => benchDemand(at, each));
  return inputOf(offersOf(size), demand, machines);
}

const offersOf = (size: Pick<PlanSize, 'offers'>) =>
  Array.from({ length: size.offers }, (_, at) => benchOffer(at));

export interface BenchMachine {
  readonly entry: FleetEntry;
  readonly worker: Worker | null;
}

export function inputOf(
  offers: readonly Offer[],
  demand: readonly Demand[],
  machines: readonly BenchMachine[] = [],
): PlanInput {
  const view: QueueSnapshot = {
    queue: batchQueue,
    takenAtMs: nowMs - 1000,
    workersComplete: true,
    demandComplete: true,
    demand,
    workers: machines.flatMap(({ worker }) => worker ?? []),
    jobs: { waiting: demand.reduce((sum, { count }) => sum + count, 0), running: 0, held: 0 },
  };
  return {
    nowMs,
    wallMs: nowMs,
    pools: [makePool({ offers: offers.map(({ name }) => name), max: 1_000_000 })],
    offers: new Map(offers.map((offer) => [offer.name, offer])),
    clouds: new Map([[east, { name: east, max: null, launchesLeft: 1_000_000, trouble: null }]]),
    queues: new Map([[batchQueue, { view, trouble: null, isNew: true }]]),
    fleet: makeFleet(machines.map(({ entry }) => entry)),
    setAsides: new Map(),
    matchmaker: createMatchmaker(offers, () => fixedContext),
    instanceOf: ({ instance }) => instance,
  };
}

export function machinesOf(size: Pick<PlanSize, 'offers' | 'instances'>): readonly BenchMachine[] {
  const offers = offersOf(size);
  return Array.from({ length: size.instances }, (_, at) => {
    const offer = offers[at % offers.length];
    if (offer === undefined) throw new Error('no offers');
    const kind = at % 10;
    const phase = kind === 9 ? 'building' : kind === 8 ? 'idle' : 'claimed';
    const instance = makeInstance(phase, {
      name: `i${at}`,
      offer: offer.name,
      createdAtMs: nowMs - 100_000,
      deadlineMs: phase === 'building' ? nowMs + 100_000 : null,
    });
    if (phase === 'building') return { entry: makeEntry(instance), worker: null };
    const { cpus } = offer.resources;
    const left =
      kind === 8 ? offer.resources : kind === 7 && cpus > 1 ? { ...offer.resources, cpus: 1 } : noResources;
    const ad = withAttributes(offer.ad, {
      Name: `slot1@i${at}`,
      Cpus: left.cpus,
      Memory: left.memoryMiB,
      Disk: left.diskMiB * 1024,
    });
    const worker = makeWorker(instance.id, phase, {
      total: offer.resources,
      slots: [{ ad, free: left, partitionable: true }],
    });
    const entry = makeEntry(instance, {
      activity: phase,
      workerSeenAtMs: nowMs - 1000,
      cloudState: 'running',
    });
    return { entry, worker };
  });
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
      `RequestDisk = ${1_048_576 + at}`,
      'Requirements = (TARGET.VMType == MY.VMType) && (TARGET.Arch == "X86_64") && (TARGET.OpSys == "LINUX") && ' +
        '(TARGET.Disk >= RequestDisk) && (TARGET.Memory >= RequestMemory) && (TARGET.Cpus >= RequestCpus) && ' +
        '(TARGET.HasFileTransfer)',
    ].join('\n'),
  );
  return demandOf(`class-${at}`, { ad, count, user: `user-${at % 20}`, oldestSubmittedAtMs: at });
}

export function demandOf(name: string, parts: Pick<Demand, 'ad' | 'count'> & Partial<Demand>): Demand {
  return {
    id: DemandId(name),
    queue: batchQueue,
    kind: 'counted',
    sampleJobs: [JobId(`schedd#${name}.0`)],
    oldestSubmittedAtMs: 0,
    user: null,
    group: null,
    priority: 0,
    workers: 1,
    walltimeMs: null,
    ...parts,
  };
}
