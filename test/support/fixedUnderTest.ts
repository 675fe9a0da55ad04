import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Claim, openClaims } from '../../src/clouds/fixed/claims.ts';
import { fixedDriver } from '../../src/clouds/fixed/driver.ts';
import { CloudName, SiteId } from '../../src/model/ids.ts';
import type { CloudUnderTest } from '../conformance/driver/harness.ts';

const hostsMax = 2500;

/**
 * A rack whose hosts are names, with the claims in a temporary folder, for the conformance suite. Switching a host on keeps the
 * boot data that it gets in a file of the machine's name.
 */
export async function startFixed(): Promise<CloudUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-fixed-'));
  const claims = openClaims(join(folder, 'claims'));
  const powerOn = ['/bin/sh', '-c', 'cat > "$0/$SPILLWAY_INSTANCE"', folder];
  const names = Array.from({ length: hostsMax }, (_, at) => `desk-${at}`);
  const settings = fixedDriver.configSchema.parse({
    folder: join(folder, 'claims'),
    hosts: names.map((name) => ({ name, kinds: ['desk'], powerOn })),
  });
  const takeAll = async (count: number, about: (at: number) => Pick<Claim, 'site' | 'intent'>) => {
    const taken = await claims.takenHosts();
    const free = names.filter((name) => !taken.has(name)).slice(0, count);
    for (const [at, host] of free.entries()) {
      const { site, intent } = about(at);
      const facts = { seat: 0, pool: 'pool-a', offer: 'offer-a', order: 'another', address: host };
      await claims.take({ host, site, intent, instance: `${intent}-0`, ...facts });
    }
  };
  const lacks = (what: string) => async () => {
    throw new Error(`hosts that exist already have no ${what}`);
  };
  return {
    driver: fixedDriver,
    boot: { kinds: ['desk'] },
    bootUnknown: { hosts: ['no-such-desk'] },
    secrets: [],
    connect: ({ site, clock, log }) =>
      fixedDriver.create(settings, { site: SiteId(site), cloud: CloudName('desks'), clock, log }),
    truth: async () =>
      Promise.all(
        (await claims.all()).map(async ({ host, site, intent, instance, pool, offer }) => ({
          cloudId: `${host}/${instance}`,
          site,
          intent,
          pool,
          offer,
          living: true,
          userData: await readFile(join(folder, instance)).catch(() => null),
        })),
      ),
    preload: (site, count) => takeAll(count, (at) => ({ site, intent: `preloaded-${at}` })),
    stranger: async () => {},
    slow: lacks('lever for the time that they take'),
    lag: lacks('view that lags'),
    elapse: async () => {},
    room: async (hosts) => {
      const used = (await claims.takenHosts()).size;
      await takeAll(hostsMax - used - hosts, (at) => ({ site: 'another', intent: `of-another-${at}` }));
    },
    allowance: lacks('quota'),
    fault: lacks('wire that could be cut'),
    calls: lacks('wire on which calls could be counted'),
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}
