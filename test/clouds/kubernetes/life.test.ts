import { describe, expect, it } from 'vitest';
import type { FakePod } from '../../support/kubernetes/world.ts';
import { anOrder, errorOf, kubernetesBench, site } from './bench.ts';

async function onePod(more: Readonly<Record<string, unknown>> = {}) {
  const bench = await kubernetesBench();
  const cloud = bench.connect(more);
  const { instances } = await cloud.launch(anOrder(), bench.signal);
  const [pod] = bench.world.pods;
  const [instance] = instances;
  if (pod === undefined || instance === undefined) throw new Error('nothing was launched');
  const seen = async () => (await cloud.list(bench.signal))[0];
  return { ...bench, cloud, pod, id: instance.cloudId, seen };
}

const unschedulable = (message: string): FakePod['status'] => ({
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
});
const waiting = (reason: string, message = 'because'): FakePod['status'] => ({
  phase: 'Pending',
  containerStatuses: [{ name: 'worker', state: { waiting: { reason, message } } }],
});
const ended = (startedAt: string, finishedAt: string, more: object = {}): FakePod['status'] => ({
  phase: 'Failed',
  containerStatuses: [
    { name: 'worker', state: { terminated: { exitCode: 3, reason: 'Error', startedAt, finishedAt } } },
  ],
  ...more,
});

describe('a pod that is kept from starting', () => {
  it('for want of room is let wait, and then has failed', async () => {
    const { pod, seen, elapse } = await onePod({ schedulingTimeout: '5m' });
    pod.status = unschedulable('0/3 nodes are available: 3 Insufficient cpu.');
    expect(await seen()).toMatchObject({ state: 'pending', fault: expect.stringContaining('no room: 0/3') });
    elapse(299_000);
    expect(await seen()).toMatchObject({ state: 'pending' });
    elapse(1000);
    expect(await seen()).toMatchObject({
      state: 'error',
      fault: expect.stringContaining('Insufficient cpu'),
      faultCode: 'capacity',
    });
  });

  it('and is then given a node is well, and begins anew should it happen again', async () => {
    const { pod, seen, elapse } = await onePod();
    pod.status = unschedulable('0/3 nodes are available: 3 Insufficient cpu.');
    await seen();
    elapse(110_000);
    pod.status = null;
    expect(await seen()).toMatchObject({ state: 'running', fault: null });
    pod.status = unschedulable('0/3 nodes are available: 3 Too many pods.');
    elapse(110_000);
    expect(await seen()).toMatchObject({ state: 'pending' });
  });

  it('as no node fits says so', async () => {
    const { pod, seen } = await onePod();
    pod.status = unschedulable(
      "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
    );
    expect(await seen()).toMatchObject({ fault: expect.stringMatching(/^fits no node: /) });
  });

  it('for want of its image is let wait for a minute', async () => {
    const { pod, seen, elapse } = await onePod();
    pod.status = waiting('ErrImagePull');
    await seen();
    pod.status = waiting('ImagePullBackOff');
    elapse(59_000);
    expect(await seen()).toMatchObject({ state: 'pending', fault: 'ImagePullBackOff: because' });
    elapse(1000);
    expect(await seen()).toMatchObject({ state: 'error', fault: 'ImagePullBackOff: because' });
  });

  it('by a name that is none of an image has failed at once', async () => {
    const { pod, seen } = await onePod();
    pod.status = waiting('InvalidImageName');
    expect(await seen()).toMatchObject({ state: 'error' });
  });

  it('by nothing but its time is on its way', async () => {
    const { pod, seen, elapse } = await onePod();
    pod.status = waiting('ContainerCreating');
    await seen();
    elapse(3_600_000);
    expect(await seen()).toMatchObject({ state: 'pending', fault: null });
  });
});

describe('a pod that has ended', () => {
  it('within two minutes of its start has failed to boot', async () => {
    const { pod, seen } = await onePod();
    pod.status = ended('2026-11-22T02:00:00Z', '2026-11-22T02:01:59Z');
    expect(await seen()).toMatchObject({ state: 'error', fault: 'container worker ended with 3: Error' });
  });

  it('later has been a worker', async () => {
    const { pod, seen } = await onePod();
    pod.status = ended('2026-11-22T02:00:00Z', '2026-11-22T02:02:00Z');
    expect(await seen()).toMatchObject({ state: 'stopped' });
  });

  it('because the cluster took it is no failed boot, however young', async () => {
    const { pod, seen } = await onePod();
    const conditions = [
      { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message: 'preempting' },
    ];
    pod.status = ended('2026-11-22T02:00:00Z', '2026-11-22T02:00:09Z', { conditions });
    expect(await seen()).toMatchObject({ state: 'stopped', fault: 'PreemptionByScheduler: preempting' });
    pod.status = { phase: 'Failed', reason: 'NodeLost', message: 'Node node-1 is gone' };
    expect(await seen()).toMatchObject({ state: 'stopped', fault: 'NodeLost: Node node-1 is gone' });
  });

  it('is there until it is deleted', async () => {
    const { pod, id, cloud, seen, signal } = await onePod();
    pod.status = { phase: 'Succeeded' };
    expect(await seen()).toMatchObject({ state: 'stopped' });
    expect(await cloud.terminate(id, signal)).toBe('ending');
    expect(await cloud.terminate(id, signal)).toBe('gone');
  });
});

it('a pod that the cluster is about to take says so, and is drained for it', async () => {
  const { pod, seen } = await onePod();
  const taken = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'drained',
  };
  pod.status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }, taken] };
  expect(await seen()).toMatchObject({
    state: 'running',
    fault: null,
    notice: 'EvictionByEvictionAPI: drained',
  });
});

it('a pod that is not ready is not running yet', async () => {
  const { pod, seen } = await onePod();
  pod.status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] };
  expect(await seen()).toMatchObject({ state: 'pending' });
});

it('a pod on a node that is gone is ending for as long as nobody knows whether it runs', async () => {
  const { world, cloud, id, seen, signal, elapse } = await onePod();
  world.levers.stopMs = 10 * 3_600_000;
  await cloud.terminate(id, signal);
  elapse(3_600_000);
  expect(await seen()).toMatchObject({ state: 'ending' });
  expect(await cloud.terminate(id, signal)).toBe('ending');
});

it('a pod that got the name later is another machine', async () => {
  const { world, cloud, id, signal, pod } = await onePod();
  await cloud.terminate(id, signal);
  const again = { ...pod, uid: 'another-uid', deletedAtMs: null, goneAtMs: null };
  world.pods.push(again);
  expect(await cloud.terminate(id, signal)).toBe('gone');
  expect(again.deletedAtMs).toBeNull();
});

it('a spoiled mark is nobody’s, or an orphan’s', async () => {
  const { world, pod, cloud, signal } = await onePod();
  world.pods.splice(0, 1, { ...pod, annotations: {} });
  expect(await cloud.list(signal)).toMatchObject([{ intent: pod.labels['spillway/intent'], pool: null }]);
  const labels = { 'spillway/site': site };
  world.pods.splice(0, 1, { ...pod, annotations: {}, labels });
  expect(await cloud.list(signal)).toMatchObject([{ intent: pod.uid }]);
  world.pods.splice(0, 1, { ...pod, annotations: { 'spillway/site': 'another' }, labels });
  expect(await cloud.list(signal)).toEqual([]);
});

it('a list that outlives the state that it is read from is begun again', async () => {
  const bench = await kubernetesBench();
  const cloud = bench.connect({ pageSize: 10 });
  for (let n = 0; n < 25; n += 1) await cloud.launch(anOrder({}, { userData: null }), bench.signal);
  bench.world.levers.expiredTokens = 2;
  expect(await cloud.list(bench.signal)).toHaveLength(25);
  expect(bench.server.calls('GET pods')).toBe(2 + 2 + 3);
  bench.world.levers.expiredTokens = 3;
  expect(await errorOf(cloud.list(bench.signal))).toMatchObject({ code: 'unavailable' });
});
