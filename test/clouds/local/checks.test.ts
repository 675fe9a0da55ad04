import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localDriver } from '../../../src/clouds/local/driver.ts';
import type { LocalSettings } from '../../../src/clouds/local/settings.ts';
import type { CheckedOffer } from '../../../src/clouds/port.ts';
import { hostClock } from '../../../src/daemon/clock.ts';
import { CloudName, OfferName, SiteId } from '../../../src/model/ids.ts';
import { silentLog } from '../../../src/model/log.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-local-checks-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const small = { cpus: 1, memoryMiB: 10, diskMiB: 1, gpus: 0 };

function offer(boot: object = {}, change: Partial<CheckedOffer> = {}): CheckedOffer {
  const settings = localDriver.offerSchema.parse(boot);
  return { name: OfferName('o'), market: 'onDemand', resources: small, settings, ...change };
}

async function look(
  subject: string,
  offers: readonly CheckedOffer[] = [],
  change: Partial<LocalSettings> = {},
) {
  const settings = { folder: join(folder, 'deep', 'machines'), stopGrace: 0, keep: 0, ...change };
  const deps = { site: SiteId('farm'), cloud: CloudName('here'), clock: hostClock, log: silentLog };
  const cloud = localDriver.create(settings, deps);
  const check = cloud.checks({ offers, machinesMax: 4 }).find((one) => one.subject === subject);
  return (await check?.run(new AbortController().signal)) ?? [];
}

describe('what is looked at of this host', () => {
  it('is whether the folder can be made; it is not made', async () => {
    expect(await look('login')).toMatchObject([{ verdict: 'ok' }]);
    expect(await readdir(folder)).toEqual([]);
    await writeFile(join(folder, 'deep'), '');
    expect(await look('login')).toMatchObject([{ verdict: 'error' }]);
  });

  it('are the programs of offers', async () => {
    expect(await look('images', [offer({ command: ['/bin/sh'] })])).toMatchObject([{ verdict: 'ok' }]);
    expect(await look('images', [offer({ command: ['/no/such'] })])).toMatchObject([
      { verdict: 'error', offers: ['o'], message: 'no program /no/such on this host' },
    ]);
  });

  it('is whether a machine is larger than the host', async () => {
    expect(await look('flavors', [offer()])).toMatchObject([{ verdict: 'ok' }]);
    const large = offer({}, { resources: { ...small, cpus: 4096 } });
    expect(await look('flavors', [large])).toMatchObject([{ verdict: 'warning', offers: ['o'] }]);
  });

  it('is the disk, for as many machines as there would be', async () => {
    expect(await look('storage', [offer()])).toMatchObject([{ verdict: 'ok' }]);
    const large = offer({}, { resources: { ...small, diskMiB: 2 ** 40 } });
    expect(await look('storage', [large])).toMatchObject([{ verdict: 'warning' }]);
  });

  it('is whether limits hold', async () => {
    const limited = offer({ limits: { memory: '1GiB', processes: 10 } });
    expect(await look('settings', [offer()])).toEqual([]);
    expect(await look('settings', [limited])).toMatchObject([{ verdict: 'error', offers: ['o'] }]);
    const cgroup = join(folder, 'group');
    expect(await look('settings', [limited], { cgroup })).toMatchObject([
      { verdict: 'error', message: expect.stringContaining('no cgroup') },
    ]);
    await mkdir(cgroup);
    await writeFile(join(cgroup, 'cgroup.subtree_control'), 'cpu memory\n');
    expect(await look('settings', [limited], { cgroup })).toMatchObject([
      { verdict: 'error', message: expect.stringContaining('does not delegate pids') },
    ]);
    await writeFile(join(cgroup, 'cgroup.subtree_control'), 'cpu memory pids\n');
    expect(await look('settings', [limited], { cgroup })).toMatchObject([{ verdict: 'ok' }]);
  });
});
