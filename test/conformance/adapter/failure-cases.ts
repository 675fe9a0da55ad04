import { expect } from 'vitest';
import type { QueueSnapshot } from '../../../src/model/demand.ts';
import { QueueError, type QueueErrorCode } from '../../../src/model/errors.ts';
import { type Bench, type Case, newInstance, waitingIn } from './bench.ts';
import type { CallKind, Fault } from './harness.ts';

/** Odd, so that half of an answer does not end where a job or a worker does. */
const jobs = 7;
const workers = 3;

/** A queue with something in it, seen whole once. */
async function furnish(bench: Bench): Promise<QueueSnapshot> {
  const { test } = bench;
  await test.submit({ count: jobs, words: { [test.word]: 'a' } });
  // None of them says the word, so no job runs there.
  for (let n = 0; n < workers; n++) await test.join({ instance: newInstance() });
  return bench.shows('all of it', (view) => isWhole(view) && view);
}

function isWhole(view: QueueSnapshot): boolean {
  return (
    view.demandComplete && view.workersComplete && waitingIn(view) === jobs && view.workers.length === workers
  );
}

/** A view may lack something only where it says so. */
function isHonest(view: QueueSnapshot): boolean {
  const demand = waitingIn(view) === jobs || !view.demandComplete;
  return demand && (view.workers.length === workers || !view.workersComplete);
}

/** A poll that fails with a QueueError, or a view that says of itself that it is not whole. */
async function look(bench: Bench, codes: readonly QueueErrorCode[]): Promise<void> {
  try {
    const view = await bench.poll();
    expect(isWhole(view), 'a whole view of a scheduler that did not answer').toBe(false);
    expect(isHonest(view), JSON.stringify([view.demand, view.workers.length])).toBe(true);
  } catch (error) {
    if (!(error instanceof QueueError)) throw error;
    expect(codes, error.message).toContain(error.code);
  }
}

const codesOf = {
  refused: ['denied'],
  trouble: ['unavailable'],
  unreachable: ['unavailable'],
  killed: ['unavailable'],
  empty: ['malformed', 'unavailable'],
  foreign: ['malformed'],
  cut: ['malformed', 'unavailable'],
  half: ['malformed', 'unavailable'],
  oversized: ['malformed'],
} as const satisfies Partial<Record<Fault, readonly QueueErrorCode[]>>;

/** Three polls with the fault, none of which shows less than there is; then all of it again. */
function silence(kind: CallKind, fault: keyof typeof codesOf): Case {
  return async (bench) => {
    const before = await furnish(bench);
    await bench.test.fault(kind, fault);
    for (let n = 0; n < 3; n++) await look(bench, codesOf[fault]);
    await bench.test.heal();
    const after = await bench.shows('all of it again', (view) => isWhole(view) && view);
    expect(after.demand.map(({ id }) => id)).toEqual(before.demand.map(({ id }) => id));
  };
}

function hang(kind: CallKind): Case {
  return async (bench) => {
    await furnish(bench);
    await bench.test.fault(kind, 'hang');
    const deadline = new AbortController();
    const struck = bench.test.struck();
    const poll = bench.fails(bench.poll({ signal: deadline.signal }), 'timeout');
    await struck;
    deadline.abort();
    await poll;
    await bench.test.heal();
    await bench.shows('all of it again', isWhole);
  };
}

function giveUp(kind: CallKind): Case {
  return async (bench) => {
    const { test } = bench;
    await furnish(bench);
    await test.fault(kind, 'hang');
    const struck = test.struck();
    const poll = bench.fails(bench.poll(), 'timeout');
    await struck;
    await test.elapse((test.callTimeoutMs ?? 0) + 1);
    await poll;
    await test.heal();
    await bench.shows('all of it again', isWhole);
  };
}

function slow(kind: CallKind): Case {
  return async (bench) => {
    await furnish(bench);
    await bench.test.fault(kind, 'slow');
    const struck = bench.test.struck();
    const poll = bench.poll();
    await struck;
    await bench.test.heal();
    expect(isWhole(await poll)).toBe(true);
  };
}

/** Silence is never zero. */
export const failureCases = {
  'jobs: a refusal is no empty queue': silence('jobs', 'refused'),
  'jobs: trouble is no empty queue': silence('jobs', 'trouble'),
  'jobs: a scheduler that cannot be reached is no empty queue': silence('jobs', 'unreachable'),
  'jobs: a call that is cut off is no empty queue': silence('jobs', 'killed'),
  'jobs: an empty answer is no empty queue': silence('jobs', 'empty'),
  'jobs: a wrong answer is no empty queue': silence('jobs', 'foreign'),
  'jobs: a truncated answer is no shorter queue': silence('jobs', 'cut'),
  'jobs: half an answer that passes for all is no shorter queue': silence('jobs', 'half'),
  'jobs: an answer without end is given up': silence('jobs', 'oversized'),
  'jobs: no answer is given up at the deadline': hang('jobs'),
  'jobs: no answer is given up after a time': giveUp('jobs'),
  'jobs: a slow answer is an answer': slow('jobs'),

  'workers: a refusal is no loss of machines': silence('workers', 'refused'),
  'workers: trouble is no loss of machines': silence('workers', 'trouble'),
  'workers: a scheduler that cannot be reached is no loss of machines': silence('workers', 'unreachable'),
  'workers: a call that is cut off is no loss of machines': silence('workers', 'killed'),
  'workers: an empty answer is no loss of machines': silence('workers', 'empty'),
  'workers: a wrong answer is no loss of machines': silence('workers', 'foreign'),
  'workers: a truncated answer is no loss of machines': silence('workers', 'cut'),
  'workers: half an answer that passes for all is no loss of machines': silence('workers', 'half'),
  'workers: an answer without end is given up': silence('workers', 'oversized'),
  'workers: no answer is given up at the deadline': hang('workers'),
  'workers: no answer is given up after a time': giveUp('workers'),
  'workers: a slow answer is an answer': slow('workers'),

  'wrong credentials are denied': async (bench) => {
    await bench.fails(bench.poll({ queue: bench.connect('wrong') }), 'denied');
  },

  'an address that nobody listens at is unavailable': async (bench) => {
    await bench.fails(bench.poll({ queue: bench.connect('nowhere') }), 'unavailable');
  },

  'a poll that was given up before it began asks nothing': async (bench) => {
    const reason = new Error('too late');
    await bench.fails(bench.poll({ signal: AbortSignal.abort(reason) }), 'timeout');
  },

  'after a restart nothing is missed that is there': async (bench) => {
    const { test } = bench;
    const before = await furnish(bench);
    await test.restart();
    for (let n = 0; n < 5; n++) {
      const view = await bench.poll().catch((error: unknown) => {
        if (error instanceof QueueError) return null;
        throw error;
      });
      expect(view === null || isHonest(view)).toBe(true);
      await test.catchUp();
    }
    await test.elapse(test.settleMs);
    const after = await bench.shows('all of it again', (view) => isWhole(view) && view);
    expect(after.demand.map(({ id }) => id)).toEqual(before.demand.map(({ id }) => id));
    expect(after.workers.map(({ id }) => id).toSorted()).toEqual(
      before.workers.map(({ id }) => id).toSorted(),
    );
  },

  'a restart in the middle of a poll is no empty queue': async (bench) => {
    const { test } = bench;
    await furnish(bench);
    await test.fault('jobs', 'slow');
    const struck = test.struck();
    const poll = bench.poll().catch((error: unknown) => {
      if (error instanceof QueueError) return null;
      throw error;
    });
    await struck;
    await test.restart();
    await test.heal();
    const view = await poll;
    expect(view === null || isHonest(view)).toBe(true);
    await test.elapse(test.settleMs);
    await bench.shows('all of it again', isWhole);
  },

  'polls side by side see the same': async (bench) => {
    await furnish(bench);
    const views = await Promise.all([bench.poll(), bench.poll(), bench.poll({ queue: bench.connect() })]);
    for (const view of views.slice(0, 2)) expect(isWhole(view)).toBe(true);
    const ids = views.map(({ demand }) => demand.map(({ id, count }) => `${id} ${count}`));
    expect(ids[1]).toEqual(ids[0]);
    expect(ids[2]).toEqual(ids[0]);
  },
} satisfies Record<string, Case>;
