import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localDriver } from '../../src/clouds/local/driver.ts';
import { fileNames } from '../../src/clouds/local/machine-folder.ts';
import { readMachines } from '../../src/clouds/local/machines.ts';
import { killAll } from '../../src/host/processes.ts';
import { CloudName, SiteId } from '../../src/model/ids.ts';
import type { CloudUnderTest } from '../conformance/driver/harness.ts';

const hostClock = { wallNow: () => Date.now(), monotonicNow: () => performance.now() };
const never = new AbortController().signal;

/** Real processes in folders below a temporary one, for the conformance suite; all of them are killed at the end. */
export async function startLocal(): Promise<CloudUnderTest> {
  const root = await mkdtemp(join(tmpdir(), 'spillway-local-'));
  const machines = async () => {
    const context = { wallNowMs: hostClock.wallNow(), signal: never };
    const sites = await Promise.all(
      (await readdir(root)).map((site) => readMachines(join(root, site), context)),
    );
    return sites.flat();
  };
  const lacks = (what: string) => async () => {
    throw new Error(`processes of this host have no ${what}`);
  };
  return {
    driver: localDriver,
    boot: { command: ['sleep', '300'] },
    bootUnknown: { command: ['/nowhere/no-such-program'] },
    secrets: [],
    connect: ({ site, clock, log }) =>
      localDriver.create(
        { folder: root, stopGrace: 0, keep: 3_600_000 },
        {
          site: SiteId(site),
          cloud: CloudName('local'),
          // Files are written by the host's own clock; what the driver waits for is the bench's.
          clock: { ...clock, wallNow: hostClock.wallNow },
          log,
        },
      ),
    truth: async () =>
      Promise.all(
        (await machines()).map(async ({ id, folder, record, state, processes }) => ({
          cloudId: id,
          site: record.site,
          intent: record.intent,
          pool: record.pool,
          offer: record.offer,
          living: state !== 'gone' && state !== 'ending' && (processes.length > 0 || state === 'pending'),
          userData: await readFile(join(folder, fileNames.userData)).catch(() => null),
        })),
      ),
    preload: lacks('other way in'),
    stranger: async () => {},
    slow: lacks('lever for the time that they take'),
    lag: lacks('view that lags'),
    elapse: async () => {},
    room: lacks('limit of their own'),
    allowance: lacks('quota'),
    fault: lacks('wire that could be cut'),
    calls: lacks('wire on which calls could be counted'),
    stop: async () => {
      for (const { processes } of await machines()) killAll(processes, 'SIGKILL');
      await rm(root, { recursive: true, force: true });
    },
  };
}
