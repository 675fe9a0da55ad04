import fc from 'fast-check';
import type { CloudErrorCode, QueueErrorCode } from '../../src/model/errors.ts';
import type { Fault } from '../../src/simulate/faults.ts';
import {
  type CloudCall,
  cloudAnswerLost,
  cloudRefuses,
  cloudRequestLost,
  type SimulatedCloud,
} from '../../src/simulate/simulatedCloud.ts';
import { type JobClass, type QueueCall, queueFails } from '../../src/simulate/simulatedQueue.ts';
import type { CrashPoint, SimulatedSite } from '../../src/simulate/simulatedSite.ts';

/** Something that happens to a site at a moment (seconds), or goes on from then for a time. */
export type Happening =
  | {
      readonly kind: 'submit';
      readonly atS: number;
      readonly jobClass: number;
      readonly count: number;
      readonly runS: number;
    }
  | { readonly kind: 'kill'; readonly atS: number; readonly downS: number }
  | { readonly kind: 'killAtCommit'; readonly atS: number; readonly point: CrashPoint }
  | { readonly kind: 'vanish'; readonly atS: number; readonly which: number }
  | { readonly kind: 'stepWall'; readonly atS: number; readonly byS: number }
  | {
      readonly kind: 'cloudFault';
      readonly atS: number;
      readonly forS: number;
      readonly cloud: number;
      readonly call: CloudCall;
      readonly fault: CloudErrorCode | 'hang' | 'lost' | 'mute' | 'cut';
    }
  | {
      readonly kind: 'cloudLie';
      readonly atS: number;
      readonly forS: number;
      readonly cloud: number;
      readonly lie: keyof typeof cloudLies;
    }
  | {
      readonly kind: 'queueFault';
      readonly atS: number;
      readonly forS: number;
      readonly call: QueueCall;
      readonly fault: QueueErrorCode | 'hang' | 'mute';
    }
  | {
      readonly kind: 'queueLie';
      readonly atS: number;
      readonly forS: number;
      readonly lie: keyof typeof queueLies;
    }
  | {
      readonly kind: 'slow';
      readonly atS: number;
      readonly forS: number;
      readonly cloud: number;
      readonly answerMs: number;
    };

type CloudLie = NonNullable<SimulatedCloud['levers']['lie']>;
type QueueLie = NonNullable<SimulatedSite['queue']['levers']['lie']>;

const cloudLies = {
  empty: (): CloudLie => () => [],
  missingRows: (): CloudLie => (rows) => rows.filter((_, at) => at % 2 === 0),
  duplicates: (): CloudLie => (rows) => [...rows, ...rows],
  stale: (): CloudLie => {
    let first: ReturnType<CloudLie> | null = null;
    return (rows) => {
      first ??= rows;
      return first;
    };
  },
} as const;

const queueLies = {
  empty: (): QueueLie => (view) => ({
    ...view,
    demand: [],
    workers: [],
    jobs: { waiting: 0, running: 0, held: 0 },
  }),
  noDemand: (): QueueLie => (view) => ({ ...view, demand: [] }),
  noWorkers: (): QueueLie => (view) => ({ ...view, workers: [], workersComplete: false }),
  halfTheWorkers: (): QueueLie => (view) => ({
    ...view,
    workers: view.workers.filter((_, at) => at % 2 === 0),
    workersComplete: false,
  }),
  aSilentSchedd: (): QueueLie => (view) => ({ ...view, demand: view.demand.slice(1), demandComplete: false }),
} as const;

export interface ScenarioOptions {
  readonly seconds: number;
  readonly classes: readonly JobClass[];
  readonly happeningsMax: number;
}

export function scenarios({
  seconds,
  classes,
  happeningsMax,
}: ScenarioOptions): fc.Arbitrary<readonly Happening[]> {
  const atS = fc.integer({ min: 0, max: seconds });
  const forS = fc.integer({ min: 5, max: 120 });
  const cloud = fc.nat({ max: 1 });
  const one = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('submit' as const),
        atS,
        jobClass: fc.nat({ max: classes.length - 1 }),
        count: fc.integer({ min: 1, max: 6 }),
        runS: fc.integer({ min: 5, max: 240 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('kill' as const),
        atS,
        downS: fc.integer({ min: 0, max: 90 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('killAtCommit' as const),
        atS,
        point: fc.constantFrom<CrashPoint>('beforeCommit', 'afterCommit'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('vanish' as const), atS, which: fc.nat({ max: 20 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('stepWall' as const),
        atS,
        byS: fc.constantFrom(-3600, 3600),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('cloudFault' as const),
        atS,
        forS,
        cloud,
        call: fc.constantFrom<CloudCall>('list', 'launch', 'launch', 'resolve', 'terminate'),
        fault: fc.constantFrom<Extract<Happening, { kind: 'cloudFault' }>['fault']>(
          'capacity',
          'quota',
          'rateLimited',
          'unavailable',
          'invalid',
          'hang',
          'lost',
          'mute',
          'cut',
        ),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('cloudLie' as const),
        atS,
        forS,
        cloud,
        lie: fc.constantFrom(...(Object.keys(cloudLies) as (keyof typeof cloudLies)[])),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('queueFault' as const),
        atS,
        forS,
        call: fc.constantFrom<QueueCall>('poll', 'poll', 'drain', 'undrain', 'remove', 'admit'),
        fault: fc.constantFrom<Extract<Happening, { kind: 'queueFault' }>['fault']>(
          'denied',
          'timeout',
          'unavailable',
          'malformed',
          'hang',
          'mute',
        ),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('queueLie' as const),
        atS,
        // Ten polls. A queue that hides a machine from its boot until its join deadline cannot be told from one that
        // never joins.
        forS: fc.integer({ min: 5, max: 100 }),
        lie: fc.constantFrom(...(Object.keys(queueLies) as (keyof typeof queueLies)[])),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('slow' as const),
        atS,
        forS,
        cloud,
        answerMs: fc.integer({ min: 500, max: 20_000 }),
      }),
    },
  );
  return fc.array(one, { minLength: 1, maxLength: happeningsMax, size: 'max' });
}

/** Lets everything happen in its time, then leaves the site well, with a daemon running. */
export async function play(
  site: SimulatedSite,
  happenings: readonly Happening[],
  {
    seconds,
    classes,
    atEverySecond,
  }: ScenarioOptions & { readonly atEverySecond: () => void | Promise<void> },
): Promise<void> {
  const clouds = [...site.clouds.values()];
  const levers = leversOf(site, happenings);
  let downUntilS = 0;
  for (let second = 0; second <= seconds; second++) {
    levers.setFor(second);
    for (const happening of happenings) if (happening.atS === second) happen(happening);
    if (!site.running && second >= downUntilS) site.start();
    await site.run(1000);
    await atEverySecond();
  }
  levers.setFor(Number.POSITIVE_INFINITY);
  site.killAtCommit(null);
  if (!site.running) site.start();

  function happen(happening: Happening): void {
    switch (happening.kind) {
      case 'submit': {
        const jobClass = classes[happening.jobClass];
        if (jobClass !== undefined)
          site.queue.submit(jobClass, { count: happening.count, runMs: happening.runS * 1000 });
        return;
      }
      case 'kill':
        if (site.running) site.kill();
        downUntilS = happening.atS + happening.downS;
        return;
      case 'killAtCommit':
        if (site.running) site.killAtCommit(happening.point);
        return;
      case 'vanish': {
        const alive = clouds.flatMap((cloud) => cloud.alive().map((machine) => ({ cloud, machine })));
        const found = alive[happening.which % Math.max(1, alive.length)];
        found?.cloud.vanish(found.machine);
        return;
      }
      case 'stepWall':
        site.clock.stepWall(happening.byS * 1000);
        return;
      default:
        return;
    }
  }
}

/** Sets the levers of a second: faults and lies that go on then. */
function leversOf(site: SimulatedSite, happenings: readonly Happening[]): { setFor(second: number): void } {
  const clouds = [...site.clouds.values()];
  const lasting = happenings.flatMap((happening) =>
    'forS' in happening
      ? [{ happening, cloudLie: cloudLieOf(happening), queueLie: queueLieOf(happening) }]
      : [],
  );
  return {
    setFor: (second) => {
      const on = lasting.filter(
        ({ happening }) => second >= happening.atS && second < happening.atS + happening.forS,
      );
      clouds.forEach((cloud, index) => {
        const own = on.filter(({ happening }) => 'cloud' in happening && happening.cloud === index);
        cloud.levers.lie = own.find(({ cloudLie }) => cloudLie !== null)?.cloudLie ?? null;
        cloud.levers.fault = (call) => {
          for (const { happening } of own)
            if (happening.kind === 'cloudFault' && happening.call === call)
              return cloudFault(happening.fault);
          return null;
        };
        const slow = own.find(({ happening }) => happening.kind === 'slow')?.happening;
        const answerMs = slow?.kind === 'slow' ? slow.answerMs : 50;
        cloud.levers.delay = () => ({ requestMs: 50, answerMs });
      });
      site.queue.levers.lie = on.find(({ queueLie }) => queueLie !== null)?.queueLie ?? null;
      site.queue.levers.fault = (call) => {
        for (const { happening } of on)
          if (happening.kind === 'queueFault' && happening.call === call) return queueFault(happening.fault);
        return null;
      };
    },
  };
}

function cloudLieOf(happening: Happening): CloudLie | null {
  return happening.kind === 'cloudLie' ? cloudLies[happening.lie]() : null;
}

function queueLieOf(happening: Happening): QueueLie | null {
  return happening.kind === 'queueLie' ? queueLies[happening.lie]() : null;
}

function cloudFault(fault: Extract<Happening, { kind: 'cloudFault' }>['fault']): Fault {
  switch (fault) {
    case 'hang':
    case 'mute':
      return { kind: fault };
    case 'lost':
      return cloudAnswerLost();
    case 'cut':
      return cloudRequestLost();
    default:
      return cloudRefuses(fault);
  }
}

function queueFault(fault: Extract<Happening, { kind: 'queueFault' }>['fault']): Fault {
  return fault === 'hang' || fault === 'mute' ? { kind: fault } : queueFails(fault);
}
