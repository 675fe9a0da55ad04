import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseLongAd } from '../../../src/classad/long.ts';
import { InstanceId, JobId, LeaseId, PoolName, QueueName, SiteId, WorkerId } from '../../../src/model/ids.ts';
import type { LeaseRequest, LeaseView } from '../../../src/model/lease.ts';
import type { Log } from '../../../src/model/log.ts';
import { forgetfulMemory, type Memory } from '../../../src/model/memory.ts';
import { leaseAdapter } from '../../../src/queues/lease/adapter.ts';
import type { LeaseDesk, Queue, QueueMachine } from '../../../src/queues/port.ts';

const never = new AbortController().signal;
const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };
const pool = PoolName('desks');
const resources = { cpus: 1, memoryMiB: 1024, diskMiB: 1024, gpus: 0 };

let folder: string;
let memory: Memory;
let aheadMs: number;
const queues: Queue[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-lease-'));
  memory = forgetfulMemory();
  aheadMs = 0;
});

afterEach(async () => {
  for (const queue of queues.splice(0)) await queue.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(settings: object = {}): { queue: Queue; desk: LeaseDesk } {
  const queue = leaseAdapter.create(leaseAdapter.configSchema.parse(settings), {
    site: SiteId('farm'),
    queue: QueueName('leases'),
    clock: {
      wallNow: () => Date.now(),
      monotonicNow: () => performance.now() + aheadMs,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const timer = setTimeout(resolve, Math.min(ms, 86_400_000));
          signal.addEventListener('abort', () => {
            clearTimeout(timer);
            reject(signal.reason);
          });
        }),
    },
    log: quiet,
    memory,
  });
  queues.push(queue);
  if (queue.leases === undefined) throw new Error('no desk');
  return { queue, desk: queue.leases };
}

function machine(
  name: string,
  more: Partial<QueueMachine> & { readonly vmType?: string } = {},
): QueueMachine {
  const { vmType = 'a', ...rest } = more;
  const ad = parseLongAd(`Cpus = 1\nMemory = 1024\nVMType = "${vmType}"\nRequirements = true`);
  return {
    instance: InstanceId(name),
    pool,
    ad,
    resources,
    address: join(folder, name),
    reachable: true,
    ...rest,
  };
}

const poll = (queue: Queue, machines: readonly QueueMachine[]) =>
  queue.poll({ nowMs: 1, attributes: [], machines }, never);

const wish = (more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  pool,
  requirements: 'true',
  request: { cpus: 1, memoryMiB: 0, diskMiB: 0, gpus: 0 },
  user: 'ann',
  holder: null,
  priority: 0,
  note: '',
  publicKey: null,
  ttlMs: 60_000,
  ...more,
});

/** Waits for the lease to come to a state. */
async function until(
  desk: LeaseDesk,
  { lease }: LeaseView,
  state: LeaseView['lease']['state'],
): Promise<LeaseView> {
  for (;;) {
    const now = desk.find(lease.id);
    if (now === null) throw new Error('forgotten');
    if (now.lease.state === state) return now;
    const within = AbortSignal.timeout(50_000);
    await desk.changed(lease.id, now.lease.state, within);
    within.throwIfAborted();
  }
}

function folderOf({ access }: LeaseView): string {
  if (access?.kind !== 'local') throw new Error('not held');
  return access.folder;
}

describe('the lease queue', () => {
  it('shows waiting leases as demand, grouped by what they want and whose they are', async () => {
    const { queue, desk } = start();
    for (let n = 0; n < 3; n += 1) desk.ask(wish({ requirements: 'TARGET.VMType == "a"' }));
    desk.ask(wish({ user: 'bob', priority: 5 }));
    const { demand, workers, jobs, demandComplete, workersComplete } = await poll(queue, []);
    expect(demand).toMatchObject([
      { count: 3, user: 'ann', priority: 0, pools: [pool], kind: 'counted' },
      { count: 1, user: 'bob', priority: 5 },
    ]);
    expect({ workers, jobs, demandComplete, workersComplete }).toEqual({
      workers: [],
      jobs: { waiting: 4, running: 0, held: 0 },
      demandComplete: true,
      workersComplete: true,
    });
    const [first] = demand[0]?.sampleJobs ?? [];
    expect(await queue.job(first ?? JobId(''), never)).toMatchObject({
      state: 'waiting',
      demand: demand[0]?.id,
    });
  });

  it('lends a machine when it is there, and shows it as a worker that has a job', async () => {
    const { queue, desk } = start();
    const asked = desk.ask(wish());
    expect(asked).toMatchObject({ lease: { state: 'waiting' }, ahead: 0, access: null });
    await poll(queue, [machine('m1')]);
    const held = await until(desk, asked, 'held');
    expect(held.access).toMatchObject({ kind: 'local', environment: { SPILLWAY_LEASE: asked.lease.id } });
    expect(existsSync(folderOf(held))).toBe(true);
    const { workers, demand } = await poll(queue, [machine('m1')]);
    expect(workers).toMatchObject([
      { instance: 'm1', activity: 'claimed', jobIds: [asked.lease.id], slots: [{ free: { cpus: 0 } }] },
    ]);
    expect(demand).toEqual([]);
  });

  it('lends no machine twice, none that does not answer, and none that the lease does not want', async () => {
    const { queue, desk } = start();
    const small = desk.ask(wish({ requirements: 'TARGET.VMType == "b"' }));
    const large = desk.ask(wish({ request: { cpus: 4, memoryMiB: 0, diskMiB: 0, gpus: 0 } }));
    const elsewhere = desk.ask(wish({ pool: PoolName('other') }));
    await poll(queue, [machine('m1'), machine('m2', { vmType: 'b', reachable: false })]);
    for (const { lease } of [small, large, elsewhere])
      expect(desk.find(lease.id)?.lease.state).toBe('waiting');
    await poll(queue, [machine('m1'), machine('m2', { vmType: 'b' })]);
    expect((await until(desk, small, 'held')).lease.instance).toBe('m2');
  });

  it('wipes a machine before anybody else has it: files, and processes wherever they have gone', async () => {
    const { queue, desk } = start();
    const first = desk.ask(wish());
    await poll(queue, [machine('m1')]);
    const held = await until(desk, first, 'held');
    if (held.access?.kind !== 'local') throw new Error('not local');
    writeFileSync(join(folderOf(held), 'canary'), 'mine');
    const left = spawn('sleep', ['300'], {
      detached: true,
      stdio: 'ignore',
      cwd: folderOf(held),
      env: { PATH: process.env.PATH, ...held.access.environment },
    });
    const ended = new Promise((resolve) => left.once('exit', (_, signal) => resolve(signal)));
    const second = desk.ask(wish({ user: 'bob' }));
    expect(desk.giveBack(first.lease.id).lease.state).toBe('cleaning');
    expect(desk.giveBack(first.lease.id).lease.state).toBe('cleaning');
    const next = await until(desk, second, 'held');
    expect(await ended).toBe('SIGKILL');
    expect(next.lease.instance).toBe('m1');
    expect(existsSync(join(folderOf(held), 'canary'))).toBe(false);
    expect(desk.giveBack(first.lease.id).lease).toMatchObject({ state: 'ended', end: 'returned' });
  });

  it('withdraws a wish that has no machine yet', () => {
    const { desk } = start();
    const { lease } = desk.ask(wish());
    expect(desk.giveBack(lease.id).lease).toMatchObject({ state: 'ended', end: 'withdrawn' });
    expect(desk.list()).toEqual([]);
  });

  it('ends a lease whose holder is not heard of, and no other', async () => {
    const { queue, desk } = start();
    const [dead, alive] = [desk.ask(wish()), desk.ask(wish())];
    const waiting = desk.ask(wish({ pool: PoolName('other') }));
    const machines = [machine('m1'), machine('m2')];
    await poll(queue, machines);
    await Promise.all([until(desk, dead, 'held'), until(desk, alive, 'held')]);
    aheadMs += 40_000;
    desk.renew(alive.lease.id);
    aheadMs += 40_000;
    await poll(queue, machines);
    expect((await until(desk, dead, 'ended')).lease.end).toBe('expired');
    expect(desk.find(waiting.lease.id)?.lease).toMatchObject({ state: 'ended', end: 'expired' });
    expect(desk.find(alive.lease.id)?.lease.state).toBe('held');
    expect(() => desk.renew(dead.lease.id)).toThrowError(expect.objectContaining({ code: 'over' }));
  });

  it('tells a holder that its machine is gone', async () => {
    const { queue, desk } = start();
    const asked = desk.ask(wish());
    await poll(queue, [machine('m1')]);
    await until(desk, asked, 'held');
    await poll(queue, []);
    expect(desk.find(asked.lease.id)?.lease).toMatchObject({ state: 'ended', end: 'lost' });
  });

  it('gives a draining machine to nobody, until it is un-drained', async () => {
    const { queue, desk } = start();
    await poll(queue, [machine('m1')]);
    await queue.drain(WorkerId('m1'), never);
    const asked = desk.ask(wish());
    expect((await poll(queue, [machine('m1')])).workers).toMatchObject([{ activity: 'drained' }]);
    expect(desk.find(asked.lease.id)?.lease.state).toBe('waiting');
    await queue.undrain(WorkerId('m1'), never);
    await until(desk, asked, 'held');
    await queue.drain(WorkerId('m1'), never);
    expect((await poll(queue, [machine('m1')])).workers).toMatchObject([{ activity: 'draining' }]);
    await expect(queue.drain(WorkerId('m9'), never)).rejects.toMatchObject({ code: 'notFound' });
  });

  it('survives a restart: who waits waits on, who holds holds on, what was being wiped is wiped', async () => {
    const before = start();
    const machines = [machine('m1'), machine('m2')];
    const [held, returned] = [before.desk.ask(wish()), before.desk.ask(wish({ user: 'bob' }))];
    await poll(before.queue, machines);
    await Promise.all([until(before.desk, held, 'held'), until(before.desk, returned, 'held')]);
    const waiting = before.desk.ask(wish({ user: 'cid' }));
    // It dies with the wiping begun: the last that is on disk is that it is to be done.
    await before.queue.close();
    before.desk.giveBack(returned.lease.id);

    const after = start();
    expect(after.desk.list().map(({ lease }) => lease.state)).toEqual(['held', 'cleaning', 'waiting']);
    await poll(after.queue, machines);
    const again = await until(after.desk, waiting, 'held');
    expect(again.lease.instance).toBe(after.desk.find(returned.lease.id)?.lease.instance);
    await vi.waitFor(() => expect(after.desk.find(held.lease.id)?.access).not.toBeNull());
    expect(after.desk.find(returned.lease.id)?.lease).toMatchObject({ state: 'ended', end: 'returned' });
    const next = after.desk.ask(wish());
    expect(next.lease.id).not.toBe(waiting.lease.id);
  });

  it('lends no more a machine that cannot be prepared: the lease gets another', async () => {
    const { queue, desk } = start({ cleanAttempts: 1 });
    writeFileSync(join(folder, 'file'), '');
    const asked = desk.ask(wish());
    const machines = [machine('bad', { address: join(folder, 'file', 'below') }), machine('good')];
    await poll(queue, machines.slice(0, 1));
    await vi.waitFor(async () => {
      expect(desk.find(asked.lease.id)?.lease.state).toBe('waiting');
      expect((await poll(queue, machines.slice(0, 1))).workers).toEqual([]);
    });
    await poll(queue, machines);
    expect((await until(desk, asked, 'held')).lease.instance).toBe('good');
  });

  it('refuses what can never be given, with a reason', () => {
    const { desk } = start({ waitingMax: 1 });
    const refused = (more: Partial<LeaseRequest>, code: string) =>
      expect(() => desk.ask(wish(more))).toThrowError(expect.objectContaining({ code }));
    refused({ requirements: 'TARGET.VMType ==' }, 'invalid');
    refused({ ttlMs: 1 }, 'invalid');
    refused({ ttlMs: 86_400_000 }, 'invalid');
    desk.ask(wish());
    refused({}, 'full');
    expect(() => desk.renew(LeaseId('no-1'))).toThrowError(expect.objectContaining({ code: 'unknown' }));
    expect(desk.find(LeaseId('no-1'))).toBeNull();
  });

  it('serves 200 leases of four users on 20 machines: none lost, fairly, and every machine clean', async () => {
    const { queue, desk } = start();
    const machines = Array.from({ length: 20 }, (_, at) => machine(`m${at}`));
    const users = ['ann', 'bob', 'cid', 'dan'];
    // Ann asks for all of hers first, and must not have all the machines for it.
    const asked = users.flatMap((user) => Array.from({ length: 50 }, () => desk.ask(wish({ user }))));
    const grants: string[] = [];
    const holders = asked.map(async (view) => {
      const held = await until(desk, view, 'held');
      grants.push(held.lease.user);
      const canary = join(folder, held.lease.instance ?? '', 'leases');
      const seen = existsSync(join(folderOf(held), 'canary'));
      writeFileSync(join(folderOf(held), 'canary'), held.lease.id);
      expect({ seen, canary: existsSync(canary) }).toEqual({ seen: false, canary: true });
      desk.giveBack(held.lease.id);
      return (await until(desk, held, 'ended')).lease.end;
    });
    await poll(queue, machines);
    expect(new Set(await Promise.all(holders))).toEqual(new Set(['returned']));
    expect(grants).toHaveLength(200);
    const ofFirst = (user: string) => grants.slice(0, 100).filter((granted) => granted === user).length;
    for (const user of users) expect(ofFirst(user)).toBeGreaterThanOrEqual(20);
    expect(desk.list()).toEqual([]);
  }, 60_000);
});
