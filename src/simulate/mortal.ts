import type { Cloud } from '../clouds/port.ts';
import type { BoundaryName, CrashpointName } from '../daemon/boundaries.ts';
import type { Clock } from '../model/clock.ts';
import type { Queue } from '../queues/port.ts';

/** One life of the daemon's process. Once dead, nothing reaches it and nothing leaves it. */
export interface Life {
  dead: boolean;
}

/** Where the daemon is to die next, as a boundary of daemon/boundaries.ts; told once, when it has. */
export interface Doom {
  readonly name: BoundaryName | CrashpointName;
  readonly told: () => void;
}

export interface Fates {
  doom: Doom | null;
}

class Killed extends Error {
  constructor() {
    super('simulated: killed');
    this.name = 'Killed';
  }
}

export const killed = (): Error => new Killed();

function die(life: Life, fates: Fates): void {
  const { doom } = fates;
  fates.doom = null;
  life.dead = true;
  doom?.told();
}

/** Dies before a commit, after it, or with an answer in hand that is not stored: what the daemon itself can tell. */
export function crashpointFor(life: Life, fates: Fates): (reached: CrashpointName) => void {
  return (reached) => {
    if (life.dead || fates.doom?.name !== reached) return;
    die(life, fates);
    throw killed();
  };
}

type Sent = 'launch' | 'terminate' | 'drain' | 'undrain' | 'remove';

export function mortal<T>(life: Life, call: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (life.dead) return;
    call().then(
      (value) => {
        if (!life.dead) resolve(value);
      },
      (error: unknown) => {
        if (!life.dead) reject(error);
      },
    );
  });
}

/** A request on whose way the daemon may die: when half of it has left, or when all of it has and no answer has come. */
function send<T>(effect: Sent, { life, fates }: Mortality, call: () => Promise<T>): Promise<T> {
  const { doom } = fates;
  if (life.dead || (doom?.name !== `${effect}/halfSent` && doom?.name !== `${effect}/unanswered`))
    return mortal(life, call);
  const arrives = doom.name === `${effect}/unanswered`;
  die(life, fates);
  if (arrives) call().catch(() => {});
  return new Promise(() => {});
}

interface Mortality {
  readonly life: Life;
  readonly fates: Fates;
}

export function mortalClock(clock: Clock, life: Life): Clock {
  return {
    wallNow: () => clock.wallNow(),
    monotonicNow: () => clock.monotonicNow(),
    sleep: (ms, signal) => mortal(life, () => clock.sleep(ms, signal)),
  };
}

export function mortalCloud(cloud: Cloud, mortality: Mortality): Cloud {
  const { life } = mortality;
  return {
    list: (signal) => mortal(life, () => cloud.list(signal)),
    ...(cloud.hint === undefined
      ? {}
      : {
          hint: async (soon, signal) =>
            await cloud.hint?.(() => {
              if (!life.dead) soon();
            }, signal),
        }),
    launch: (order, signal) => send('launch', mortality, () => cloud.launch(order, signal)),
    resolve: (intent, signal) => mortal(life, () => cloud.resolve(intent, signal)),
    terminate: (id, signal) => send('terminate', mortality, () => cloud.terminate(id, signal)),
    quota: (signal) => mortal(life, () => cloud.quota(signal)),
    catalog: (signal) => mortal(life, () => cloud.catalog(signal)),
    close: () => mortal(life, () => cloud.close()),
  };
}

export function mortalQueue(queue: Queue, mortality: Mortality): Queue {
  const { life } = mortality;
  return {
    poll: (request, signal) => mortal(life, () => queue.poll(request, signal)),
    hint: (changed, signal) =>
      queue.hint?.(() => {
        if (!life.dead) changed();
      }, signal),
    admit: (request) => mortal(life, () => queue.admit(request)),
    drain: (worker, signal) => send('drain', mortality, () => queue.drain(worker, signal)),
    undrain: (worker, signal) => send('undrain', mortality, () => queue.undrain(worker, signal)),
    remove: (worker, signal) => send('remove', mortality, () => queue.remove(worker, signal)),
    job: (id, signal) => mortal(life, () => queue.job(id, signal)),
    close: () => mortal(life, () => queue.close()),
  };
}
