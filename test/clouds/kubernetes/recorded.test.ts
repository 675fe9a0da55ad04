import { afterEach, describe, expect, it } from 'vitest';
import type { Kubernetes } from '../../../src/clouds/kubernetes/client/client.ts';
import { podShape, quotaShape } from '../../../src/clouds/kubernetes/client/objects.ts';
import { cloudErrorOf } from '../../../src/clouds/kubernetes/errors.ts';
import { hindranceOf } from '../../../src/clouds/kubernetes/hindrance.ts';
import { instanceOf } from '../../../src/clouds/kubernetes/instances.ts';
import { CloudError, type CloudErrorCode } from '../../../src/model/errors.ts';
import { type Replay, recorded, replayToken, startReplay } from '../../support/kubernetes/replay.ts';

/** Answers that were recorded from a real server: what the client makes of them, and the driver of that. */
const signal = AbortSignal.timeout(60_000);

let replay: Replay | null = null;
afterEach(async () => {
  await replay?.stop();
  replay = null;
});

async function behind(...names: readonly string[]): Promise<Kubernetes> {
  replay = await startReplay(names);
  return replay.client;
}

async function refusal(work: Promise<unknown>, write: boolean): Promise<CloudError> {
  const thrown = await work.then(
    (value) => new Error(`no error, but ${JSON.stringify(value)}`),
    (error: unknown) => cloudErrorOf(error, { write }),
  );
  if (!(thrown instanceof CloudError)) throw thrown;
  expect(thrown.message).not.toContain(replayToken);
  expect(thrown.message.length).toBeLessThan(500);
  return thrown;
}

describe('recorded refusals', () => {
  const ofCreate: readonly (readonly [string, CloudErrorCode, boolean])[] = [
    ['quota-exceeded-403', 'quota', false],
    ['quota-pods-exceeded-403', 'quota', false],
    ['live-quota-exceeded-403', 'quota', false],
    ['quota-must-specify-403', 'invalid', false],
    ['quota-status-unknown-403', 'unavailable', false],
    ['limitrange-403', 'invalid', false],
    ['podsecurity-403', 'invalid', false],
    ['pod-create-priorityclass-403', 'invalid', false],
    ['pod-create-no-serviceaccount-403', 'unavailable', false],
    ['pod-create-ns-terminating-403', 'unavailable', false],
    ['pod-create-no-namespace-404', 'invalid', false],
    ['pod-create-bad-quantity-400', 'invalid', false],
    ['pod-create-unknown-field-strict-400', 'invalid', false],
    ['pod-create-invalid-422', 'invalid', false],
    ['pod-long-label-422', 'invalid', false],
    ['malformed-json-400', 'invalid', false],
    ['big-object-413', 'invalid', false],
    ['forbidden-rbac-403', 'auth', false],
    ['anonymous-403', 'auth', false],
    ['unauthorized-401', 'auth', false],
    ['overload-429', 'rateLimited', false],
    ['unknown-resource-404', 'unsupported', false],
    ['method-not-allowed-405', 'unsupported', false],
    ['unsupported-media-type-415', 'unsupported', false],
    ['store-down-create', 'timeout', true],
    // Not the answer to a create.
    ['pod-get-200', 'unavailable', true],
  ];
  it.each(ofCreate)('of a create: %s is %s', async (name, code, inDoubt) => {
    const client = await behind(name);
    expect(await refusal(client.createPod({}, {}, signal), true)).toMatchObject({ code, inDoubt });
  });

  const ofList: readonly (readonly [string, CloudErrorCode])[] = [
    ['forbidden-rbac-list-403', 'auth'],
    ['pod-list-bad-selector-400', 'invalid'],
    ['pod-list-bad-continue-400', 'invalid'],
    ['pod-list-future-rv-504', 'unavailable'],
    ['overload-429', 'rateLimited'],
  ];
  it.each(ofList)('of a list: %s is %s', async (name, code) => {
    const client = await behind(name);
    expect(await refusal(client.pods({}, signal), false)).toMatchObject({ code, inDoubt: false });
  });

  it('of a deletion: another pod of the name, and none', async () => {
    const wrong = await behind('pod-delete-wrong-uid-409');
    expect(await refusal(wrong.deletePod('w-007', 'u', signal), true)).toMatchObject({ code: 'invalid' });
    await replay?.stop();
    const none = await behind('pod-delete-again-404');
    expect(await refusal(none.deletePod('w-007', 'u', signal), true)).toMatchObject({ code: 'notFound' });
  });

  it('says how long to wait, where the answer is no Status too', async () => {
    const client = await behind('overload-429');
    expect(await refusal(client.pods({}, signal), false)).toMatchObject({ retryAfterMs: 1000 });
  });

  it('tells which field is wrong', async () => {
    const client = await behind('pod-create-invalid-422');
    const error = await refusal(client.createPod({}, {}, signal), true);
    expect(error.message).toContain('metadata.name');
  });
});

describe('recorded pages', () => {
  it('are followed to the last', async () => {
    const client = await behind('pod-list-page1', 'pod-list-page2');
    await client.pods({ 'prov.example/site': 's1' }, signal).catch(() => {});
    expect(replay?.calls[0]).toContain('labelSelector=prov.example%2Fsite%3Ds1&limit=3');
    expect(replay?.calls[1]).toContain('continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEi');
  });

  it('are begun again when the token has expired, and given up when that goes on', async () => {
    const client = await behind(
      'pod-list-page1',
      'list-continue-expired-410',
      'pod-list-page1',
      'list-continue-expired-410',
      'pod-list-page1',
      'list-continue-expired-410',
    );
    expect(await refusal(client.pods({}, signal), false)).toMatchObject({ code: 'unavailable' });
    expect(replay?.calls.map((call) => call.includes('continue='))).toEqual([
      false,
      true,
      false,
      true,
      false,
      true,
    ]);
  });
});

describe('recorded pods', () => {
  const instance = (name: string) => instanceOf(podShape.parse(recorded(name).body), () => false);

  it.each([
    ['pod-create-201', 'pending'],
    ['pod-status-running', 'running'],
    ['pod-get-terminating', 'ending'],
    ['pod-delete-bound-200', 'ending'],
    ['pod-delete-unscheduled-200', 'ending'],
    ['pod-status-succeeded', 'stopped'],
    ['pod-status-evicted', 'stopped'],
    ['live-pod-scheduled', 'pending'],
    ['live-pod-delete-bound', 'ending'],
  ])('%s is %s', (name, state) => {
    expect(instance(name).state).toBe(state);
  });

  it('say where they are', () => {
    expect(instance('pod-status-running').address).toBe('10.1.0.7');
  });

  it('say why they were taken away', () => {
    expect(instance('pod-status-evicted').fault).toBe('Evicted: The node was low on resource: memory.');
  });

  it.each([
    ['live-pod-no-nodes', 'noRoom', 'no room: no nodes available to schedule pods'],
    ['live-pod-insufficient-cpu', 'noRoom', 'no room: 0/1 nodes are available: 1 Insufficient cpu.'],
    ['pod-status-unschedulable', 'noRoom', 'no room: 0/3 nodes are available: 3 Insufficient cpu.'],
    [
      'live-pod-selector-mismatch',
      'fitsNoNode',
      "fits no node: 0/1 nodes are available: 1 node(s) didn't match",
    ],
    ['pod-status-imagepullbackoff', 'cannotStart', 'ImagePullBackOff: Back-off pulling image'],
  ])('%s: what keeps it from starting is %s', (name, kind, text) => {
    const found = hindranceOf(podShape.parse(recorded(name).body));
    expect(found?.kind).toBe(kind);
    expect(found?.text).toContain(text);
  });

  it('are kept from starting by nothing else', () => {
    for (const name of ['pod-create-201', 'pod-status-running', 'live-pod-scheduled']) {
      expect(hindranceOf(podShape.parse(recorded(name).body)), name).toBeNull();
    }
  });
});

it('reads the recorded quota and version', async () => {
  const { status } = quotaShape.parse(recorded('quota-read').body);
  expect(status).toEqual({
    hard: { 'limits.cpu': '5', pods: '9', 'requests.cpu': '5' },
    used: { 'limits.cpu': '4500m', pods: '9', 'requests.cpu': '4500m' },
  });
  const client = await behind('version');
  expect(await client.version(signal)).toMatchObject({ version: 'v1.36.3' });
});
