import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { makeBench } from '../conformance/driver/bench.ts';
import { driverConformance } from '../conformance/driver-cases.ts';
import { had, isMissing, openstackTestbed, stopTestbeds } from '../support/testbed.ts';
import { startOpenstackOnTestbed, testbedGaps } from './openstack-on-testbed.ts';

const testbed = await openstackTestbed('driver');
afterAll(() => stopTestbeds(testbed));

describe.skipIf(isMissing(testbed))('a real OpenStack', () => {
  driverConformance('OpenStack on Nova', {
    start: () => startOpenstackOnTestbed(had(testbed)),
    gaps: testbedGaps,
    column: {
      file: 'openstack-nova',
      part: 'openstack',
      server: 'Keystone, Glance, Placement, Neutron and Nova 26.2 (Zed) with its FakeDriver for a hypervisor',
      proven: 'real',
    },
  });

  it('lists 200 machines, each once, and ends them', { timeout: 600_000 }, async () => {
    const test = await startOpenstackOnTestbed(had(testbed));
    const bench = { ...makeBench(test), signal: AbortSignal.timeout(600_000) };
    for (let call = 0; call < 2; call += 1) await bench.cloud.launch(bench.order(100), bench.signal);
    const listed = await bench.cloud.list(bench.signal);
    expect(new Set(listed.map((instance) => instance.cloudId)).size).toBe(200);
    for (const { cloudId } of listed) await bench.cloud.terminate(cloudId, bench.signal);
    const remaining = async () =>
      (await bench.cloud.list(bench.signal)).filter((instance) => instance.state !== 'gone').length;
    while ((await remaining()) > 0) await delay(1000);
    for (const { cloudId } of listed.slice(0, 3)) {
      expect(await bench.cloud.terminate(cloudId, bench.signal)).toBe('gone');
    }
    await bench.cloud.close();
    await test.stop();
  });

  it.each([
    ['abort', 'aborted'],
    ['resched', 'Exceeded maximum number of retries'],
  ])('says why a build failed: %s', async (how, text) => {
    const test = await startOpenstackOnTestbed(had(testbed));
    const bench = makeBench(test);
    had(testbed).setLevers({ lab_fail: how });
    await bench.cloud.launch(bench.order(1), bench.signal);
    const states = async () => await bench.cloud.list(bench.signal);
    while ((await states()).some(({ state }) => state === 'pending')) await delay(300);
    expect(await states()).toMatchObject([{ state: 'error', fault: expect.stringContaining(text) }]);
    await bench.cloud.close();
    await test.stop();
  });

  it('gives machines floating addresses, and takes them back', async () => {
    const { network, externalNetwork } = had(testbed);
    const test = await startOpenstackOnTestbed(had(testbed));
    const bench = makeBench(test);
    const boot = { ...(test.boot as object), networks: [network], floatingNetwork: externalNetwork };
    const { instances } = await bench.cloud.launch(bench.order(1, { boot }), bench.signal);
    const isOutside = async () =>
      (await bench.cloud.list(bench.signal)).some(
        ({ address }) => address?.startsWith('203.0.113.') === true,
      );
    while (!(await isOutside())) await delay(500);
    for (const { cloudId } of instances) {
      while ((await bench.cloud.terminate(cloudId, bench.signal)) !== 'gone') await delay(500);
    }
    expect(await bench.cloud.list(bench.signal)).toEqual([]);
    await bench.cloud.close();
    await test.stop();
  });
});
