import { describe, expect, it } from 'vitest';
import { cloudstackDriver } from '../../../src/clouds/cloudstack/driver.ts';
import type { CheckedOffer } from '../../../src/clouds/port.ts';
import { CloudError } from '../../../src/model/errors.ts';
import { OfferName } from '../../../src/model/ids.ts';
import { type Bench, startBench } from './bench.ts';

const resources = { cpus: 2, memoryMiB: 4096, diskMiB: 1024, gpus: 0 };

function offer(name: string, boot: object = {}, change: Partial<CheckedOffer> = {}): CheckedOffer {
  const settings = cloudstackDriver.offerSchema.parse({
    zone: 'north',
    serviceOffering: 'small',
    template: 'worker',
    ...boot,
  });
  return { name: OfferName(name), market: 'onDemand', resources, settings, ...change };
}

async function look({ cloud, signal }: Bench, subject: string, offers: readonly CheckedOffer[] = []) {
  const check = cloud.checks?.({ offers, machinesMax: 10 }).find((one) => one.subject === subject);
  return (await check?.run(signal)) ?? [];
}

describe('what is looked at of a CloudStack', () => {
  it('are lists and nothing else, the log-in first', async () => {
    const bench = await startBench();
    const checks = bench.cloud.checks?.({ offers: [offer('a')], machinesMax: 1 }) ?? [];
    for (const check of checks) await check.run(bench.signal);
    expect(checks[0]?.subject).toBe('login');
    const writes = bench.server.requests.filter(({ command }) => !command.startsWith('list'));
    expect(writes).toEqual([]);
  });

  it('is the version', async () => {
    expect(await look(await startBench(), 'login')).toEqual([
      { verdict: 'ok', message: 'CloudStack 4.20.1.0' },
    ]);
  });

  it('is refused with a wrong key', async () => {
    const bench = await startBench();
    bench.server.faults.set('listCapabilities', { kind: 'error', status: 401, code: 'no' });
    await expect(look(bench, 'login')).rejects.toBeInstanceOf(CloudError);
  });

  it('is the clock, as signatures expire by it', async () => {
    const bench = await startBench();
    await look(bench, 'login');
    expect(await look(bench, 'clock')).toMatchObject([{ verdict: 'ok' }]);
  });

  it('is what the key may call', async () => {
    const bench = await startBench();
    expect(await look(bench, 'rights')).toMatchObject([{ verdict: 'ok' }]);
    bench.server.world.levers.deniedCommands.add('deployVirtualMachine');
    bench.server.world.levers.mayExpunge = false;
    expect(await look(bench, 'rights')).toMatchObject([
      { verdict: 'error', message: 'the key may not call deployVirtualMachine' },
      { verdict: 'warning', message: expect.stringContaining('expunge: false') },
    ]);
    const patient = await startBench({ expunge: false });
    patient.server.world.levers.mayExpunge = false;
    expect(await look(patient, 'rights')).toMatchObject([{ verdict: 'ok' }]);
  });

  it('is what the account may still have', async () => {
    const bench = await startBench();
    bench.server.world.levers.machinesMax = 3;
    await bench.launched();
    expect(await look(bench, 'quota', [offer('a')])).toMatchObject([
      { verdict: 'ok', figures: { instancesLeft: 2 } },
      { verdict: 'warning', figures: { instancesMost: 3, instancesWanted: 10 } },
    ]);
  });
});

describe('what an offer names', () => {
  it.each([
    ['zones', { zone: 'west' }, 'there is no zone named west'],
    ['flavors', { serviceOffering: 'huge' }, 'there is no service offering huge'],
    ['flavors', { serviceOffering: 'open' }, 'leaves its size open'],
    ['images', { template: 'nothing' }, 'there is no template named nothing'],
    ['networks', { networks: ['twice'] }, 'several networks are named twice'],
    ['networks', { networks: ['nowhere'] }, 'there is no network named nowhere'],
    ['storage', { dataDisk: { offering: 'tape' } }, 'there is no disk offering named tape'],
  ])('%s: %j', async (subject, boot, message) => {
    const findings = await look(await startBench(), subject, [offer('bad', boot), offer('good')]);
    expect(findings).toMatchObject([
      { verdict: 'error', offers: ['bad'], message: expect.stringContaining(message) },
    ]);
  });

  it('has as much as it promises', async () => {
    const bench = await startBench();
    const more = { resources: { ...resources, cpus: 4 } };
    expect(await look(bench, 'flavors', [offer('a', {}, more)])).toMatchObject([
      { verdict: 'error', message: expect.stringContaining('2 of 4 CPUs') },
    ]);
    const open = { serviceOffering: 'open', custom: { cpus: 4, cpuSpeedMHz: 1000, memory: '8GiB' } };
    expect(await look(bench, 'flavors', [offer('a', open, more)])).toMatchObject([{ verdict: 'ok' }]);
  });

  it('is well where all of it is there', async () => {
    const bench = await startBench();
    const all = offer('a', { networks: ['farm'], dataDisk: { offering: 'scratch' } });
    for (const subject of ['zones', 'flavors', 'images', 'networks', 'storage']) {
      const findings = await look(bench, subject, [all]);
      expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    }
  });
});
