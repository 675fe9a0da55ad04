import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixedDriver } from '../../../src/clouds/fixed/driver.ts';
import type { CheckedOffer } from '../../../src/clouds/port.ts';
import { hostClock } from '../../../src/daemon/clock.ts';
import { CloudName, OfferName, SiteId } from '../../../src/model/ids.ts';
import { silentLog } from '../../../src/model/log.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-fixed-checks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const hosts = [
  { name: 'desk1', address: '127.0.0.1', kinds: ['desk'] },
  { name: 'desk2', address: '127.0.0.1', kinds: ['desk'] },
];

function offer(boot: object): CheckedOffer {
  const resources = { cpus: 1, memoryMiB: 1, diskMiB: 1, gpus: 0 };
  return {
    name: OfferName('o'),
    market: 'onDemand',
    resources,
    settings: fixedDriver.offerSchema.parse(boot),
  };
}

async function look(subject: string, boot: object = {}, more: object = {}) {
  const settings = fixedDriver.configSchema.parse({ folder: join(folder, 'claims'), hosts, ...more });
  const deps = { site: SiteId('farm'), cloud: CloudName('rack'), clock: hostClock, log: silentLog };
  const checks = fixedDriver.create(settings, deps).checks({ offers: [offer(boot)], machinesMax: 9 });
  const check = checks.find((one) => one.subject === subject);
  return (await check?.run(new AbortController().signal)) ?? [];
}

describe('what is looked at of hosts that exist already', () => {
  it('is the folder of the claims, which is not made', async () => {
    expect(await look('login')).toMatchObject([{ verdict: 'ok' }]);
    await look('quota');
    expect(existsSync(join(folder, 'claims'))).toBe(false);
  });

  it('are the hosts that an offer means', async () => {
    expect(await look('flavors', { kinds: ['desk'] })).toMatchObject([{ figures: { hosts: 2 } }]);
    expect(await look('flavors', { kinds: ['gpu'] })).toMatchObject([{ verdict: 'error', offers: ['o'] }]);
    expect(await look('flavors', { hosts: ['desk9'] })).toMatchObject([
      { verdict: 'error', message: 'no host desk9 in the config' },
    ]);
  });

  it('is how many of them are free', async () => {
    mkdirSync(join(folder, 'claims'));
    writeFileSync(join(folder, 'claims', 'desk1.claim'), '');
    expect(await look('quota')).toMatchObject([{ verdict: 'ok', figures: { instancesLeft: 1 } }]);
    writeFileSync(join(folder, 'claims', 'desk2.claim'), '');
    expect(await look('quota')).toMatchObject([{ verdict: 'ok' }, { verdict: 'warning', offers: ['o'] }]);
  });

  it('are the programs that switch them', async () => {
    const switched = [{ ...hosts[0], powerOn: ['/bin/sh'], powerOff: ['/no/such', 'x'] }];
    expect(await look('rights', {}, { hosts: switched })).toEqual([
      { verdict: 'error', message: 'no program /no/such on this host' },
    ]);
  });

  it('are their names, where they have no addresses', async () => {
    expect(await look('networks')).toEqual([]);
    expect(await look('networks', {}, { hosts: [{ name: 'localhost' }] })).toMatchObject([{ verdict: 'ok' }]);
    expect(await look('networks', {}, { hosts: [{ name: 'nowhere.invalid' }] })).toMatchObject([
      { verdict: 'error', message: 'no address is known of nowhere.invalid' },
    ]);
  });
});
