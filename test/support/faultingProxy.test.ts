import { afterEach, expect, it } from 'vitest';
import { anOrder, connectTo, errorOf, soon } from '../clouds/ec2/connection.ts';
import { type FaultingProxy, type ProxyFault, refusal, startFaultingProxy } from './faultingProxy.ts';
import { type LoopbackEc2, startLoopbackEc2 } from './loopback-ec2/server.ts';

const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

async function start(): Promise<{
  server: LoopbackEc2;
  proxy: FaultingProxy;
  call: () => Promise<Response>;
}> {
  const server = await startLoopbackEc2();
  const proxy = await startFaultingProxy({ endpoint: server.endpoint });
  open.push(proxy, server);
  const call = () =>
    fetch(proxy.endpoint, {
      method: 'POST',
      body: new URLSearchParams({ Action: 'DescribeAvailabilityZones', Version: '2016-11-15' }),
      signal: AbortSignal.timeout(10_000),
    });
  return { server, proxy, call };
}

it('without a fault it is not noticed: the driver makes, lists and ends a machine through it', async () => {
  const { server, proxy } = await start();
  const cloud = connectTo(proxy.endpoint);
  const { instances } = await cloud.launch(anOrder(), soon());
  expect((await cloud.list(soon())).map(({ cloudId }) => cloudId)).toEqual(
    instances.map(({ cloudId }) => cloudId),
  );
  expect(proxy.calls('RunInstances')).toBe(1);
  expect(proxy.carriedOut()).toBe(server.calls());
  await cloud.close();
});

it.each<[string, ProxyFault, number]>([
  ['cut before', { kind: 'cut', when: 'before' }, 0],
  ['cut after', { kind: 'cut', when: 'after' }, 1],
  ['half a request', { kind: 'halfRequest', ending: 'cut' }, 0],
  ['half an answer', { kind: 'truncated', ending: 'cut' }, 1],
])('%s: no answer, and the call is carried out or not as it says', async (_, fault, carriedOut) => {
  const { server, proxy, call } = await start();
  const set = proxy.set({ action: 'DescribeAvailabilityZones', fault });
  await expect(call().then((answer) => answer.text())).rejects.toThrow();
  expect((await proxy.applied(set)).action).toBe('DescribeAvailabilityZones');
  expect(server.calls()).toBe(carriedOut);
  expect((await call()).status).toBe(200);
  expect(set.count).toBe(1);
});

it.each<[string, ProxyFault, number]>([
  ['before', { kind: 'hang', when: 'before' }, 0],
  ['after', { kind: 'hang', when: 'after' }, 1],
  ['after half a request', { kind: 'halfRequest', ending: 'hang' }, 0],
])('hangs %s until it stops, and says when it has begun', async (_, fault, carriedOut) => {
  const { server, proxy, call } = await start();
  const set = proxy.set({ fault });
  const answer = call();
  answer.catch(() => {});
  await proxy.applied(set);
  expect(server.calls()).toBe(carriedOut);
  await proxy.stop();
  await expect(answer).rejects.toThrow();
});

it('refuses connections at the same address, and takes them again', async () => {
  const { proxy, call } = await start();
  await proxy.refuse();
  await expect(call()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  await proxy.accept();
  expect((await call()).status).toBe(200);
});

it('answers with refusals for so many calls, from the nth on', async () => {
  const { server, proxy, call } = await start();
  proxy.set({ nth: 2, times: 2, fault: refusal(503, { retryAfterSeconds: 7, body: 'busy' }) });
  const statuses: number[] = [];
  for (let n = 0; n < 4; n++) statuses.push((await call()).status);
  expect(statuses).toEqual([200, 503, 503, 200]);
  expect(server.calls()).toBe(2);
});

it('a lagging list is the one from before the fault; a rewritten one is what the test makes of it', async () => {
  const { proxy } = await start();
  const cloud = connectTo(proxy.endpoint);
  const count = async () => (await cloud.list(soon())).length;
  expect(await count()).toBe(0);
  const stale = proxy.set({ action: 'DescribeInstances', times: 2, fault: { kind: 'stale' } });
  await cloud.launch(anOrder(), soon());
  expect([await count(), await count(), await count()]).toEqual([0, 0, 1]);
  expect(stale.count).toBe(2);
  const noRows = (body: string) => body.replace(/<reservationSet>.*<\/reservationSet>/s, '<reservationSet/>');
  proxy.set({ action: 'DescribeInstances', fault: { kind: 'rewrite', rewrite: noRows } });
  expect([await count(), await count()]).toEqual([0, 1]);
  await cloud.close();
});

it('an answer that is too large, or another one, is the driver’s error', async () => {
  const { proxy } = await start();
  const cloud = connectTo(proxy.endpoint);
  proxy.set({ action: 'DescribeInstances', fault: { kind: 'oversize', bytes: 100e6 } });
  expect((await errorOf(cloud.list(soon()))).code).toBe('unavailable');
  const page = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>hello</html>' };
  proxy.set({ action: 'DescribeInstances', fault: { kind: 'answer', when: 'after', answer: page } });
  expect((await errorOf(cloud.list(soon()))).code).toBe('unavailable');
  await cloud.close();
});

it('a delay after: the server has long done it when the answer comes', async () => {
  const { server, proxy, call } = await start();
  const set = proxy.set({ fault: { kind: 'delay', when: 'after', ms: 50 } });
  const answer = call();
  await proxy.applied(set);
  expect(server.calls()).toBe(1);
  expect((await answer).status).toBe(200);
});
