import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { localDriver } from '../../../src/clouds/local/driver.ts';
import { markOf } from '../../../src/clouds/local/machines.ts';
import type { LocalSettings } from '../../../src/clouds/local/settings.ts';
import type { Cloud } from '../../../src/clouds/port.ts';
import { killAll, readHostProcesses } from '../../../src/host/processes.ts';
import {
  CloudId,
  CloudName,
  InstanceId,
  IntentId,
  OfferName,
  PoolName,
  SiteId,
} from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';

const never = new AbortController().signal;
const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };
let folder: string;
let aheadMs = 0;
const used = new Set<string>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-local-'));
  aheadMs = 0;
});

afterEach(async () => {
  for (const id of used) killAll(await processesOf(id), 'SIGKILL');
  used.clear();
  await rm(folder, { recursive: true, force: true });
});

/** Each call is a new life of the daemon: nothing is kept but what is on disk. */
function connect(settings: Partial<LocalSettings> = {}): Cloud {
  const clock = {
    wallNow: () => Date.now() + aheadMs,
    monotonicNow: () => performance.now() + aheadMs,
    sleep: async () => {},
  };
  return localDriver.create(
    { folder, stopGrace: 10_000, keep: 3_600_000, ...settings },
    { site: SiteId('farm'), cloud: CloudName('here'), clock, log: quiet },
  );
}

async function launch(cloud: Cloud, boot: unknown, userData: string | null = null, name = 'in-1') {
  const id = `${name}-0`;
  used.add(id);
  await cloud.launch(
    {
      intent: IntentId(name),
      instances: [InstanceId(id)],
      pool: PoolName('pool'),
      offer: OfferName('small'),
      market: 'onDemand',
      settings: localDriver.offerSchema.parse(boot),
      userData,
    },
    never,
  );
  return CloudId(id);
}

async function processesOf(id: string) {
  return (await readHostProcesses(never)).marked(markOf('farm', id), null);
}

const inWork = (id: string, name: string) => join(folder, 'farm', id, 'work', name);
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 20 });

describe('a machine on this host', () => {
  it('runs its boot template as a script, in its own folder, with nothing of our environment', async () => {
    vi.stubEnv('SECRET_OF_THE_DAEMON', 'hush');
    const id = await launch(connect(), {}, '#!/bin/sh\nenv > seen.part; mv seen.part seen; sleep 300\n');
    vi.unstubAllEnvs();
    await until(async () => void (await stat(inWork(id, 'seen'))));
    const seen = await readFile(inWork(id, 'seen'), 'utf8');
    expect(seen).toContain(`SPILLWAY_INSTANCE=farm/${id}\n`);
    expect(seen).toContain(`HOME=${join(folder, 'farm', id, 'work')}\n`);
    expect(seen).not.toContain('SECRET_OF_THE_DAEMON');
  });

  it('is pending or running to a daemon that has only just started, and is ended by it', async () => {
    const id = await launch(connect(), { command: ['sleep', '300'] });
    const later = connect({ stopGrace: 0 });
    expect(await later.list(never)).toMatchObject([
      { cloudId: id, state: 'running', pool: 'pool', offer: 'small' },
    ]);
    expect(await later.terminate(id, never)).toBe('ending');
    await until(async () => expect(await later.terminate(id, never)).toBe('gone'));
    expect(await later.list(never)).toEqual([]);
    expect(await processesOf(id)).toEqual([]);
    expect(await later.terminate(id, never)).toBe('gone');
  });

  it('is started once, however often its create call is sent', async () => {
    const script = `#!/bin/sh\necho x >> starts\nsleep 300\n`;
    const id = await launch(connect(), {}, script);
    await until(async () => expect(await readFile(inWork(id, 'starts'), 'utf8')).toBe('x\n'));
    await Promise.all([1, 2, 3].map(() => launch(connect(), {}, script)));
    expect(await readFile(inWork(id, 'starts'), 'utf8')).toBe('x\n');
  });

  it('that was made and not started when its daemon ended is not there, and is started by the same call', async () => {
    const cloud = connect();
    const id = await launch(cloud, { command: ['sleep', '300'] });
    killAll(await processesOf(id), 'SIGKILL');
    await until(async () => expect(await processesOf(id)).toEqual([]));
    for (const name of ['started', 'process']) await rm(join(folder, 'farm', id, name));
    expect(await cloud.resolve(IntentId('in-1'), never)).toEqual([]);
    await launch(connect(), { command: ['sleep', '300'] });
    expect(await cloud.resolve(IntentId('in-1'), never)).toMatchObject([{ state: 'running' }]);
  });

  it('gets the signal that cannot be refused once the grace is over', async () => {
    const script = `#!/bin/sh\ntrap '' TERM\n: > deaf\nwhile :; do sleep 300; done\n`;
    const cloud = connect();
    const id = await launch(cloud, {}, script);
    await until(async () => void (await stat(inWork(id, 'deaf'))));
    expect(await cloud.terminate(id, never)).toBe('ending');
    expect(await cloud.terminate(id, never)).toBe('ending');
    expect(await processesOf(id)).not.toEqual([]);
    aheadMs = 10_001;
    expect(await cloud.terminate(id, never)).toBe('ending');
    await until(async () => expect(await cloud.terminate(id, never)).toBe('gone'));
    expect(await processesOf(id)).toEqual([]);
  });

  it('takes with it what has left its process group', async () => {
    const cloud = connect({ stopGrace: 0 });
    const id = await launch(cloud, {}, `#!/bin/sh\nsetsid sleep 300 &\n: > left\nsleep 300\n`);
    await until(async () => void (await stat(inWork(id, 'left'))));
    await cloud.terminate(id, never);
    await until(async () => expect(await cloud.terminate(id, never)).toBe('gone'));
    expect(await processesOf(id)).toEqual([]);
  });

  it('whose boot command ends is gone, and its folder stays for a while', async () => {
    const cloud = connect();
    const id = await launch(cloud, {}, `#!/bin/sh\nsetsid sleep 300 &\necho no such thing >&2; exit 3\n`);
    await until(async () => expect(await cloud.list(never)).toMatchObject([{ state: 'gone' }]));
    expect(await readFile(join(folder, 'farm', id, 'boot.log'), 'utf8')).toBe('no such thing\n');
    await until(async () => {
      await cloud.list(never);
      expect(await processesOf(id)).toEqual([]);
    });
    aheadMs = 3_600_001;
    await cloud.list(never);
    expect(await cloud.list(never)).toEqual([]);
  });

  it('is not taken for another process that has its number now, nor for one of before the host was booted', async () => {
    const cloud = connect();
    const id = await launch(cloud, { command: ['sleep', '300'] });
    killAll(await processesOf(id), 'SIGKILL');
    const file = join(folder, 'farm', id, 'process');
    const [, , boot] = (await readFile(file, 'utf8')).trim().split(' ');
    await writeFile(file, `${process.pid} 1 ${boot}\n`);
    await until(async () => expect(await cloud.list(never)).toMatchObject([{ state: 'gone' }]));
    const mine = (await readFile('/proc/self/stat', 'utf8')).split(') ')[1]?.split(' ')[19];
    await writeFile(file, `${process.pid} ${mine} 00000000-0000-0000-0000-000000000000\n`);
    expect(await cloud.list(never)).toMatchObject([{ state: 'gone' }]);
  });

  it('has the limits that its offer sets', async () => {
    const boot = { command: ['sh', '-c', 'ulimit -n > limit; sleep 300'], ulimits: { openFiles: 64 } };
    const id = await launch(connect(), boot);
    await until(async () => expect(await readFile(inWork(id, 'limit'), 'utf8')).toBe('64\n'));
  });

  it('leaves what it does not know alone', async () => {
    const theirs = join(folder, 'farm');
    const cloud = connect({ stopGrace: 0 });
    await launch(cloud, { command: ['sleep', '300'] });
    await writeFile(join(theirs, 'notes.txt'), 'mine');
    expect(await cloud.list(never)).toHaveLength(1);
    expect(await readFile(join(theirs, 'notes.txt'), 'utf8')).toBe('mine');
    const stranger = CloudId('../../elsewhere');
    await expect(cloud.terminate(stranger, never)).rejects.toMatchObject({ code: 'invalid' });
  });
});
