import { inspect } from 'node:util';
import { expect } from 'vitest';
import { evaluateAttribute } from '../../../src/classad/evaluate.ts';
import { numberOf, stringOf } from '../../../src/classad/value.ts';
import type { Demand, QueueSnapshot, Worker } from '../../../src/model/demand.ts';
import { QueueError, type QueueErrorCode } from '../../../src/model/errors.ts';
import { InstanceId, type WorkerId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import type { Queue } from '../../../src/queues/port.ts';
import type { QueueUnderTest } from './harness.ts';

/** What one case works with: a fresh scheduler, our adapter on it, and open ears. */
export interface Bench {
  readonly test: QueueUnderTest;
  readonly queue: Queue;
  readonly signal: AbortSignal;
  connect(to?: 'queue' | 'wrong' | 'nowhere'): Queue;
  /** One view, with the harness's word asked for. */
  poll(how?: PollOptions): Promise<QueueSnapshot>;
  /** Polls until the view is as wanted, and returns what `ask` made of it. */
  shows<Found>(what: string, ask: (view: QueueSnapshot) => Found | null | false | undefined): Promise<Found>;
  /** The call must fail with a QueueError of one of these codes. */
  fails(work: Promise<unknown>, ...codes: readonly QueueErrorCode[]): Promise<QueueError>;
  /** Everything that was logged, and every error that was seen. */
  heard(): readonly string[];
  /** Closes every connection that was made. */
  close(): Promise<void>;
}

export interface PollOptions {
  readonly queue?: Queue;
  readonly nowMs?: number;
  readonly attributes?: readonly string[];
  readonly signal?: AbortSignal;
}

export type Case = (bench: Bench) => Promise<void>;

const looksMax = 300;

export function makeBench(test: QueueUnderTest): Bench {
  const heard: string[] = [];
  const note = (value: unknown) =>
    heard.push(inspect(value, { depth: 12, showHidden: true, maxStringLength: null }));
  const log: Log = {
    debug: (...line) => note(line),
    info: (...line) => note(line),
    warn: (...line) => note(line),
    error: (...line) => note(line),
    child: () => log,
  };
  const signal = AbortSignal.timeout(120_000);
  const queues: Queue[] = [];
  const connect: Bench['connect'] = (to = 'queue') => {
    const made = test.connect({ clock: test.clock, log, to });
    queues.push(made);
    return made;
  };
  const queue = connect();
  const poll: Bench['poll'] = async (how = {}) => {
    const request = {
      nowMs: how.nowMs ?? 5,
      attributes: how.attributes ?? [test.word],
      machines: test.machines(),
    };
    try {
      return await (how.queue ?? queue).poll(request, how.signal ?? signal);
    } catch (error) {
      note(error);
      heard.push(String(error));
      throw error;
    }
  };
  return {
    test,
    queue,
    signal,
    connect,
    poll,
    async shows(what, ask) {
      let last: unknown = null;
      for (let look = 0; look < looksMax && !signal.aborted; look++) {
        const view = await poll().catch((error: unknown) => {
          last = error;
          return null;
        });
        const found = view === null ? null : ask(view);
        if (found !== null && found !== undefined && found !== false) return found;
        last = view ?? last;
        await test.catchUp();
      }
      throw new Error(`never seen: ${what}; last: ${inspect(last, { depth: 4 }).slice(0, 4000)}`);
    },
    async fails(work, ...codes) {
      const error = await work.then(
        (value) => new Error(`no error, but ${inspect(value)}`),
        (thrown: unknown) => thrown,
      );
      note(error);
      heard.push(String(error));
      if (!(error instanceof QueueError)) throw new Error(`not a QueueError: ${inspect(error)}`);
      expect(codes, error.message).toContain(error.code);
      return error;
    },
    heard: () => heard,
    async close() {
      for (const made of queues.splice(0)) await made.close();
    },
  };
}

/** A case ends with this: whatever it provoked, no secret came out. */
export function expectNoSecret(bench: Bench): void {
  for (const text of bench.heard()) {
    for (const secret of bench.test.secrets) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, -4));
    }
  }
}

let lastInstance = 0;

/** An instance's id that no other machine of this run has. */
export function newInstance(): InstanceId {
  lastInstance += 1;
  return InstanceId(`c${process.pid}x${lastInstance}-0`);
}

/** `count × what they say`, for each group. */
export function groupsOf({ test }: Bench, view: QueueSnapshot): readonly string[] {
  return view.demand.map((group) => `${group.count} × ${saidBy(group, test.word) ?? 'nothing'}`).toSorted();
}

export function saidBy({ ad }: Pick<Demand, 'ad'>, name: string): string | null {
  return stringOf(evaluateAttribute(ad, name));
}

export function numberBy({ ad }: Pick<Demand, 'ad'>, name: string): number | null {
  return numberOf(evaluateAttribute(ad, name));
}

export function workerIn(view: QueueSnapshot, id: WorkerId): Worker | undefined {
  return view.workers.find((worker) => worker.id === id);
}

export function waitingIn(view: QueueSnapshot): number {
  return view.demand.reduce((sum, { count }) => sum + count, 0);
}
