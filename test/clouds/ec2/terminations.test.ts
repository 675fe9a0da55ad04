import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Cloud } from '../../../src/clouds/port.ts';
import { CloudId } from '../../../src/model/ids.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { connectTo, errorOf, site, soon } from './connection.ts';

let server: LoopbackEc2;
let cloud: Cloud;
beforeEach(async () => {
  server = await startLoopbackEc2();
  cloud = connectTo(server.endpoint);
});
afterEach(async () => {
  await cloud.close();
  await server.stop();
});

const make = (count: number) =>
  server
    .preload(count, { mark: () => ({ clientToken: '', tags: { 'spillway:site': site } }) })
    .map(({ id }) => CloudId(id));
const end = (id: CloudId, signal = soon()) => cloud.terminate(id, signal);
const calls = () => server.calls('TerminateInstances');
/** How many machines each call was for. */
const sizes = () =>
  server.requests
    .filter(({ action }) => action === 'TerminateInstances')
    .map(({ params }) => [...params.keys()].filter((name) => name.startsWith('InstanceId.')).length);

describe('many machines that end together', () => {
  it('are ended by a few calls, each machine once', async () => {
    const answers = await Promise.all(make(300).map((id) => end(id)));
    expect(new Set(answers)).toEqual(new Set(['gone']));
    expect(server.living()).toEqual([]);
    expect(sizes().toSorted((a, b) => a - b)).toEqual([1, 99, 100, 100]);
  });

  it('are each told what EC2 says of them: one that it does not know spoils no other', async () => {
    const known = make(8);
    const unknown = CloudId('i-0123456789abcdef0');
    const answers = await Promise.all([...known, unknown].map((id) => end(id)));
    expect(answers).toEqual([...known.map(() => 'gone'), 'ending']);
    expect(server.living()).toEqual([]);
  });

  it('fail together where the call does, in doubt where it may have been carried out', async () => {
    server.fault('TerminateInstances', { kind: 'cut', when: 'after' }, 2);
    const errors = await Promise.all(make(8).map((id) => errorOf(end(id))));
    expect(errors.map(({ code, inDoubt }) => [code, inDoubt])).toEqual(
      errors.map(() => ['unavailable', true]),
    );
    expect(calls()).toBe(2);
  });

  it('are given up one by one: the call is, when nobody waits for it any more', async () => {
    const [first, second, one, two] = make(4);
    if (first === undefined || second === undefined || one === undefined || two === undefined) return;
    server.fault('TerminateInstances', { kind: 'hang', when: 'after' }, 2);
    const giveUp = { first: new AbortController(), one: new AbortController(), two: new AbortController() };
    const held = errorOf(end(first, giveUp.first.signal));
    await vi.waitFor(() => expect(calls()).toBe(1));
    const never = new AbortController();
    const queued = errorOf(end(second, never.signal));
    never.abort();
    expect(await queued).toMatchObject({ code: 'timeout', inDoubt: false });

    const pair = [errorOf(end(one, giveUp.one.signal)), errorOf(end(two, giveUp.two.signal))];
    giveUp.first.abort();
    expect(await held).toMatchObject({ code: 'timeout', inDoubt: true });
    await vi.waitFor(() => expect(sizes()).toEqual([1, 2]));
    giveUp.one.abort();
    expect(await pair[0]).toMatchObject({ code: 'timeout', inDoubt: true });
    giveUp.two.abort();
    expect(await pair[1]).toMatchObject({ code: 'timeout', inDoubt: true });
    expect(calls()).toBe(2);
  });
});
