import { createMomentHeap } from './momentHeap.ts';
import { createRoom, type Placement } from './room.ts';

/**
 * A farm of machines of one size that runs a trace, event by event. Jobs start strictly in the order of submission; a
 * job starts when there is room for all of it, and what is empty meanwhile is held for it and paid. A machine is usable
 * `bootSeconds` after its launch. At each event: first jobs end, then machines come up, jobs are submitted, jobs start, and
 * at last the policy is asked. The run ends with the last job's end, and with it all machines.
 */
export interface FarmJob {
  readonly submitSeconds: number;
  readonly runSeconds: number;
  readonly processors: number;
}

export interface FarmOptions {
  readonly bootSeconds: number;
  readonly machineCpus: number;
  /** Each job is as many jobs of one core. */
  readonly isSplit: boolean;
  /** Machines that are there when the first job is submitted; their launches count, and their boots are billed. */
  readonly machinesAtStart?: number;
}

/** The farm as a policy sees it, in machines. */
export interface FarmView {
  readonly nowSeconds: number;
  readonly empty: number;
  readonly inUse: number;
  readonly booting: number;
  /** What the waiting jobs would fill by themselves. */
  readonly wanted: number;
  /** The share of the cores of all machines that are up on which a job runs; 1 when none is up. */
  readonly utilisation: number;
}

export interface FarmDecision {
  readonly launch: number;
  /** Of the empty ones. */
  readonly end: number;
  /** Ask again then, if nothing has happened before. */
  readonly againAtSeconds: number;
}

export type FarmPolicy = (farm: FarmView) => FarmDecision;

export interface FarmRun {
  /** Billed: every boot in full, and each machine from its first readiness to its end. */
  readonly machineSeconds: number;
  readonly waitCoreSeconds: number;
  readonly waitMeanSeconds: number;
  readonly waitP95Seconds: number;
  readonly launches: number;
  readonly machinesMax: number;
}

interface Waiting {
  readonly job: FarmJob;
  readonly processors: number;
  readonly plan: Placement;
}

export function runFarm(jobs: readonly FarmJob[], options: FarmOptions, policy: FarmPolicy): FarmRun {
  const room = createRoom(options.machineCpus);
  const plan = createRoom(options.machineCpus);
  const endings = createMomentHeap<{ readonly placement: Placement; readonly processors: number }>();
  const boots = createMomentHeap<number>();
  const waits = createWaits();
  const queue: (Waiting | undefined)[] = [];
  let head = 0;
  let submitted = 0;
  let nowSeconds = jobs[0]?.submitSeconds ?? 0;
  let coresInUse = 0;
  let booting = 0;
  let launches = options.machinesAtStart ?? 0;
  let machinesMax = launches;
  let machineSeconds = launches * options.bootSeconds;
  let askAtSeconds = Number.POSITIVE_INFINITY;
  room.add(launches);

  function submit(job: FarmJob): void {
    const processors = options.isSplit ? 1 : job.processors;
    for (let left = job.processors; left > 0; left -= processors)
      queue.push({ job, processors, plan: plan.takeAnyway(processors) });
  }

  function startJobs(): void {
    for (;;) {
      const first = queue[head];
      const placement = first === undefined ? null : room.take(first.processors);
      if (first === undefined || placement === null) break;
      plan.giveBack(first.plan);
      queue[head] = undefined;
      head += 1;
      coresInUse += first.processors;
      waits.add(nowSeconds - first.job.submitSeconds, first.processors);
      endings.push(nowSeconds + first.job.runSeconds, { placement, processors: first.processors });
    }
    if (head * 2 > queue.length) head -= queue.splice(0, head).length;
  }

  function ask(): void {
    const up = room.empty + room.inUse;
    const decision = policy({
      nowSeconds,
      empty: room.empty,
      inUse: room.inUse,
      booting,
      wanted: plan.inUse,
      utilisation: up === 0 ? 1 : coresInUse / (up * options.machineCpus),
    });
    if (decision.launch > 0) {
      boots.push(nowSeconds + options.bootSeconds, decision.launch);
      booting += decision.launch;
      launches += decision.launch;
      machineSeconds += decision.launch * options.bootSeconds;
    }
    room.remove(Math.min(Math.max(0, decision.end), room.empty));
    machinesMax = Math.max(machinesMax, room.empty + room.inUse + booting);
    askAtSeconds = decision.againAtSeconds;
  }

  while (submitted < jobs.length || endings.size > 0 || head < queue.length) {
    const next = jobs[submitted]?.submitSeconds ?? Number.POSITIVE_INFINITY;
    const moment = Math.min(next, endings.next, boots.next, askAtSeconds);
    if (moment === Number.POSITIVE_INFINITY) throw new RangeError('a job waits for room that never comes');
    machineSeconds += (moment - nowSeconds) * (room.empty + room.inUse);
    nowSeconds = moment;
    while (endings.next <= nowSeconds) {
      const { placement, processors } = endings.pop();
      room.giveBack(placement);
      coresInUse -= processors;
    }
    while (boots.next <= nowSeconds) {
      const machines = boots.pop();
      booting -= machines;
      room.add(machines);
    }
    for (
      let job = jobs[submitted];
      job !== undefined && job.submitSeconds <= nowSeconds;
      job = jobs[submitted]
    ) {
      submitted += 1;
      submit(job);
    }
    startJobs();
    ask();
  }
  return { machineSeconds, ...waits.sum(), launches, machinesMax };
}

function createWaits() {
  const seconds: number[] = [];
  let coreSeconds = 0;
  return {
    add: (wait: number, processors: number): void => {
      seconds.push(wait);
      coreSeconds += wait * processors;
    },
    sum: (): Pick<FarmRun, 'waitCoreSeconds' | 'waitMeanSeconds' | 'waitP95Seconds'> => {
      const sorted = Float64Array.from(seconds).toSorted();
      const sum = sorted.reduce((total, wait) => total + wait, 0);
      return {
        waitCoreSeconds: coreSeconds,
        waitMeanSeconds: sorted.length === 0 ? 0 : sum / sorted.length,
        waitP95Seconds: sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0,
      };
    },
  };
}
