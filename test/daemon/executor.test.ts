import { expect, test } from 'vitest';
import type { LaunchOrder } from '../../src/clouds/port.ts';
import type { Crashpoint } from '../../src/daemon/boundaries.ts';
import { createCallRate } from '../../src/daemon/callRate.ts';
import { createExecutor, type Executor } from '../../src/daemon/executor.ts';
import { createTimeline } from '../../src/daemon/timeline.ts';
import type { Outcome } from '../../src/fleet/fleet.ts';
import type { Effect } from '../../src/fleet/owed.ts';
import { CloudError, QueueError } from '../../src/model/errors.ts';
import { CloudId, InstanceId, IntentId, OfferName, PoolName, WorkerId } from '../../src/model/ids.ts';
import {
  cloudAnswerLost,
  cloudRefuses,
  createSimulatedCloud,
  type SimulatedCloud,
} from '../../src/simulate/simulatedCloud.ts';
import { createSimulatedQueue, queueFails, type SimulatedQueue } from '../../src/simulate/simulatedQueue.ts';
import { createVirtualClock, type VirtualClock } from '../../src/simulate/virtualClock.ts';
import { batchQueue, east, makeOffer } from '../support/siteParts.ts';

const intent = IntentId('call');
const instance = InstanceId('call-0');
const launch = {
  kind: 'launch',
  intent,
  cloud: east,
  pool: PoolName('p'),
  offer: OfferName('o'),
  instances: [instance],
} as const satisfies Effect;
const terminate: Effect = { kind: 'terminate', instance, cloud: east, cloudId: CloudId('east-0') };
const resolve: Effect = { kind: 'resolve', intent, cloud: east, instance };
const drain: Effect = { kind: 'drain', instance, queue: batchQueue, worker: WorkerId('w') };

interface Bench {
  readonly clock: VirtualClock;
  readonly cloud: SimulatedCloud;
  readonly queue: SimulatedQueue;
  readonly executor: Executor;
  readonly outcomes: Outcome[];
}

function bench(
  order: (effect: typeof launch) => Promise<LaunchOrder> = async (effect) => orderOf(effect),
  crashpoint: Crashpoint | null = null,
  callsPerMinute: number | null = null,
): Bench {
  const clock = createVirtualClock();
  const timeline = createTimeline(clock, null);
  const rate = createCallRate(callsPerMinute, timeline);
  const cloud = createSimulatedCloud({ name: east, clock });
  const queue = createSimulatedQueue({ name: batchQueue, clock });
  const outcomes: Outcome[] = [];
  const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
  const executor = createExecutor({
    clouds: new Map([[east, { cloud: cloud.cloud, deadlineMs: 30_000, repeatMs: 10_000, rate }]]),
    queues: new Map([[batchQueue, { queue: queue.queue, deadlineMs: 30_000, repeatMs: 10_000 }]]),
    clock,
    timeline,
    random: { next: () => 0.5 },
    log,
    order: (effect) => order({ ...launch, ...effect, instances: [instance] }),
    onOutcome: (outcome) => outcomes.push(outcome),
    crashpoint,
  });
  return { clock, cloud, queue, executor, outcomes };
}

const orderOf = ({ intent: id, instances, pool, offer }: typeof launch): LaunchOrder => ({
  intent: id,
  instances,
  market: 'onDemand',
  pool,
  offer,
  settings: {},
  userData: null,
});

test('a launch is sent once while it is under way, and counts as many machines as it asks for', async () => {
  const { clock, cloud, executor, outcomes } = bench();
  executor.start(launch);
  executor.start(launch);
  expect(executor.launchesInFlight(east)).toBe(1);
  await clock.advance(1000);
  expect(cloud.calls.launch).toBe(1);
  expect(executor.launchesInFlight(east)).toBe(0);
  expect(outcomes).toMatchObject([{ kind: 'launched', intent, instances: [{ cloudId: 'east-0' }] }]);
});

test.each([
  ['the cloud says no', cloudRefuses('capacity'), { code: 'capacity', inDoubt: false }],
  ['the answer is lost', cloudAnswerLost(), { code: 'timeout', inDoubt: true }],
  ['no answer within the deadline', { kind: 'hang' } as const, { code: 'timeout', inDoubt: true }],
  ['done, and no answer', { kind: 'mute' } as const, { code: 'timeout', inDoubt: true }],
  [
    'the driver breaks',
    { kind: 'lost', error: new TypeError('x is undefined') } as const,
    { code: 'unavailable', inDoubt: true },
  ],
])('a launch of which %s', async (_, fault, expected) => {
  const { clock, cloud, executor, outcomes } = bench();
  cloud.levers.fault = () => fault;
  executor.start(launch);
  await clock.advance(31_000);
  expect(outcomes).toMatchObject([{ kind: 'launchFailed', intent, ...expected }]);
});

test('a crash point is reached when there is an answer, and before its outcome is told', async () => {
  const reached: unknown[] = [];
  const { clock, executor, outcomes, cloud, queue } = bench(undefined, (name) =>
    reached.push([name, cloud.calls.launch, outcomes.length]),
  );
  queue.queue.drain = async () => {};
  executor.start(launch);
  await clock.advance(1000);
  executor.start(terminate);
  await clock.advance(1000);
  executor.start(drain);
  await clock.advance(1000);
  expect(reached).toEqual([
    ['admit/notStored', 0, 0],
    ['launch/notStored', 1, 0],
    ['terminate/notStored', 1, 1],
    ['drain/notStored', 1, 2],
  ]);
});

test('a removal comes once: it gives way neither to an end under way nor to many others', async () => {
  const { clock, cloud, queue, executor } = bench();
  const removed: string[] = [];
  queue.queue.remove = async (worker) => {
    removed.push(worker);
  };
  cloud.levers.fault = () => ({ kind: 'hang' });
  executor.start(terminate);
  const workers = Array.from({ length: 30 }, (_, n) => WorkerId(`w${n}`));
  for (const [n, worker] of workers.entries()) {
    const of = n === 0 ? instance : InstanceId(`call-${n}`);
    executor.start({ kind: 'remove', instance: of, queue: batchQueue, worker });
  }
  await clock.advance(1000);
  expect(removed).toEqual(workers);
});

test('a launch whose order cannot be made was never sent: it is in no doubt', async () => {
  const { clock, cloud, executor, outcomes } = bench(() =>
    Promise.reject(new CloudError('invalid', 'no credential')),
  );
  executor.start(launch);
  await clock.advance(1000);
  expect(outcomes).toMatchObject([{ kind: 'launchFailed', code: 'invalid', inDoubt: false }]);
  expect(cloud.calls.launch).toBe(0);
});

test('a launch whose order is never made ends at its deadline, in no doubt', async () => {
  const { clock, cloud, executor, outcomes } = bench(() => new Promise(() => {}));
  executor.start(launch);
  await clock.advance(31_000);
  expect(outcomes).toMatchObject([{ kind: 'launchFailed', inDoubt: false }]);
  expect(executor.launchesInFlight(east)).toBe(0);
  expect(cloud.calls.launch).toBe(0);
});

test('a launch that is given up because the daemon stops is nobody´s failure: its outcome is open', async () => {
  const { clock, cloud, executor, outcomes } = bench();
  cloud.levers.fault = () => ({ kind: 'mute' });
  executor.start(launch);
  await clock.advance(1000);
  const drained = executor.drain(10_000);
  await clock.advance(10_000);
  await drained;
  expect(outcomes).toEqual([{ kind: 'interrupted', intent }]);
});

test('an effect that works is repeated no faster than a view can show it', async () => {
  const { clock, cloud, executor } = bench();
  cloud.levers.endMs = 600_000;
  executor.start(launch);
  await clock.advance(1000);
  const calledAtSecond: number[] = [];
  for (let second = 0; second < 300; second++) {
    const before = cloud.calls.terminate;
    executor.start(terminate);
    if (cloud.calls.terminate > before) calledAtSecond.push(second);
    await clock.advance(1000);
  }
  // After 10 s, and after 10 s more each time, up to a minute.
  expect(calledAtSecond.map((second) => Math.floor(second / 10))).toEqual([0, 1, 3, 6, 10, 15, 21, 27]);
});

test('calls to a cloud keep to its rate: what is not begun is told when it may be, a launch goes in any case', async () => {
  const { clock, cloud, executor } = bench(undefined, null, 6);
  executor.start(launch);
  await clock.advance(1000);
  expect(cloud.calls.launch).toBe(1);
  const againMs = executor.start(terminate);
  expect(cloud.calls.terminate).toBe(0);
  const waitMs = (againMs ?? Number.NaN) - clock.wallNow();
  expect(waitMs).toBe(9000);
  await clock.advance(waitMs);
  expect(executor.start(terminate)).toBeNull();
  expect(cloud.calls.terminate).toBe(1);
});

test('an effect that fails is tried again at growing intervals, and is told each time', async () => {
  const { clock, queue, executor, outcomes } = bench();
  queue.levers.fault = () => queueFails('unavailable');
  for (let second = 0; second < 120; second++) {
    executor.start(drain);
    await clock.advance(1000);
  }
  expect(queue.calls.drain).toBeGreaterThanOrEqual(6);
  expect(queue.calls.drain).toBeLessThanOrEqual(10);
  expect(new Set(outcomes.map((outcome) => outcome.kind === 'effectFailed' && outcome.code))).toEqual(
    new Set(['unavailable']),
  );
});

test('a look-up says when it was begun, not when it was answered', async () => {
  const { clock, cloud, executor, outcomes } = bench();
  cloud.levers.delay = () => ({ requestMs: 5000, answerMs: 5000 });
  const begunMs = clock.wallNow();
  executor.start(resolve);
  await clock.advance(20_000);
  expect(outcomes).toMatchObject([{ kind: 'resolved', instances: [], askedAtMs: begunMs }]);
});

test('a hanging cloud does not hold up a queue, and only so many calls hang', async () => {
  const { clock, cloud, queue, executor } = bench();
  cloud.levers.fault = () => ({ kind: 'hang' });
  queue.join({
    id: WorkerId('w'),
    instance: null,
    ad: makeOffer({ name: 'o' }).ad,
    total: { cpus: 1, memoryMiB: 1, diskMiB: 1, gpus: 0 },
  });
  for (let n = 0; n < 20; n++) executor.start({ ...terminate, instance: InstanceId(`i-${n}`) });
  executor.start(drain);
  await clock.advance(1000);
  expect(cloud.calls.terminate).toBe(8);
  expect(queue.calls.drain).toBe(1);
});

test('nothing is begun once it drains', async () => {
  const { clock, cloud, executor } = bench();
  const drained = executor.drain(1000);
  await clock.advance(1000);
  await drained;
  executor.start(launch);
  await clock.advance(1000);
  expect(cloud.calls.launch).toBe(0);
});

test('an error of the queue keeps its code', async () => {
  const { clock, queue, executor, outcomes } = bench();
  queue.levers.fault = () => ({ kind: 'refuse', error: new QueueError('denied', 'no') });
  executor.start(drain);
  await clock.advance(1000);
  expect(outcomes).toMatchObject([
    { kind: 'effectFailed', effect: 'drain', instance, code: 'denied', message: 'no' },
  ]);
});
