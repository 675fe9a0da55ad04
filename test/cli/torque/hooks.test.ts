import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LeaseAnswer } from '../../../src/api/schema/leases.ts';
import { CliError, exitCodes } from '../../../src/cli/exit.ts';
import type { LeaseClient } from '../../../src/cli/lease/hold.ts';
import { epilogue } from '../../../src/cli/torque/epilogue.ts';
import type { HookHost } from '../../../src/cli/torque/host.ts';
import { becomeKeeper, keep, keeperLives } from '../../../src/cli/torque/keeper.ts';
import { prologue, readBootId } from '../../../src/cli/torque/prologue.ts';
import { parseTorqueSettings } from '../../../src/cli/torque/settings.ts';
import { type JobRecord, openTorqueState, type TorqueState } from '../../../src/cli/torque/state.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/simulate/virtualClock.ts';

const words = ['7.head', 'root', 'root', 'job', 'nodes=1:ppn=2:gpu,mem=1gb', 'batch', '', '/nonexistent.SC'];
const note = 'torque job 7.head on wn1';
const never = new AbortController().signal;

let folder: string;
let state: TorqueState;
let clock: VirtualClock;
let desk: ReturnType<typeof createDesk>;
let said: string[];
let slept: number[];
let keepers: number;
let parent: boolean;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-hooks-'));
  state = openTorqueState(folder);
  clock = createVirtualClock();
  desk = createDesk();
  said = [];
  slept = [];
  keepers = 0;
  parent = true;
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A daemon's leases without a daemon. */
function createDesk() {
  const leases = new Map<string, LeaseAnswer>();
  const renewed: string[] = [];
  let trouble: CliError | null = null;
  let refusal: CliError | null = null;
  let count = 0;
  let grants = true;

  function add(fields: Partial<LeaseAnswer['lease']>): LeaseAnswer {
    count += 1;
    const lease: LeaseAnswer['lease'] = {
      id: `x-${count}`,
      pool: 'vmpool',
      requirements: 'true',
      request: { cpus: 1, memoryMiB: 0, diskMiB: 0, gpus: 0 },
      user: 'root',
      holder: null,
      priority: 0,
      note: '',
      publicKey: null,
      ttlMs: 60_000,
      state: grants ? 'held' : 'waiting',
      instance: null,
      askedAtWallMs: 0,
      grantedAtWallMs: null,
      endedAtWallMs: null,
      end: null,
      ...fields,
    };
    const access = {
      kind: 'ssh',
      host: '192.0.2.1',
      port: 22,
      user: 'vmuser',
      knownHosts: 'keys\n',
    } as const;
    const view: LeaseAnswer = { lease, access: lease.state === 'held' ? access : null, ahead: null };
    leases.set(lease.id, view);
    return view;
  }

  let waits = 0;
  const answer = async <T>(work: () => T): Promise<T> => {
    if (trouble !== null) throw trouble;
    return work();
  };
  const known = (id: string): LeaseAnswer => {
    const view = leases.get(id);
    if (view === undefined) throw new CliError(exitCodes.notFound, 'unknownLease', `there is no lease ${id}`);
    return view;
  };
  const client: LeaseClient = {
    status: () => answer(() => ({ pools: [] }) as unknown as Awaited<ReturnType<LeaseClient['status']>>),
    askLease: (body) =>
      answer(() => {
        if (refusal !== null) throw refusal;
        return add(body);
      }),
    leases: () => answer(() => ({ leases: [...leases.values()] })),
    lease: (id) => answer(() => known(id)),
    leaseAfter: async (id, { from, waitMs }) => {
      waits += 1;
      if (known(id).lease.state === from) await clock.sleep(waitMs, never);
      return await answer(() => known(id));
    },
    renewLease: (id) =>
      answer(() => {
        renewed.push(id);
        return known(id);
      }),
    returnLease: (id) =>
      answer(() => {
        const view = known(id);
        leases.delete(id);
        return view;
      }),
  };
  return {
    client,
    add,
    renewed,
    open: () => [...leases.keys()],
    first: () => [...leases.values()][0]?.lease,
    setTrouble: (error: CliError | null) => {
      trouble = error;
    },
    setRefusal: (error: CliError | null) => {
      refusal = error;
    },
    /** How often somebody has begun to wait for a lease to change. */
    waits: () => waits,
    setGrants: (value: boolean) => {
      grants = value;
    },
  };
}

function host(): HookHost {
  const parsed = parseTorqueSettings(
    `pool = vmpool\nstateDir = ${folder}\nprologAlarm = 100s\nttl = 40s\nfeature.gpu = TARGET.GPUs > 0\n`,
  );
  if (parsed.kind !== 'settings') throw new Error('settings');
  return {
    settings: parsed.settings,
    state,
    client: desk.client,
    clock: {
      ...clock,
      sleep: (ms, signal) => {
        slept.push(ms);
        return clock.sleep(ms, signal);
      },
    },
    hostName: 'wn1',
    say: (text) => said.push(text),
    hasParent: () => parent,
    ensureKeeper: async () => {
      keepers += 1;
      return true;
    },
  };
}

/** Moves time on until the work is done, while it may pass: files and programs take none of it. */
async function timed<T>(work: Promise<T>, mayPass: () => boolean = () => true): Promise<T> {
  const done = work.then((value) => ({ value }));
  for (;;) {
    const won = await Promise.race([done, clock.advance(mayPass() ? 500 : 0)]);
    if (won !== undefined) return won.value;
  }
}

const noDaemon = new CliError(exitCodes.unreachable, 'unreachable', 'no daemon');
const full = new CliError(exitCodes.failed, 'tooManyLeases', 'too many wait');

describe('a prologue', () => {
  it('asks for what the job asks for, lays the keys ready and leaves the renewing to a keeper', async () => {
    const end = await timed(prologue(words, host(), never), () => false);
    expect([end, said, keepers]).toEqual(['go', [], 1]);
    expect(desk.first()).toMatchObject({
      note,
      user: 'root',
      requirements: '(TARGET.GPUs > 0)',
      ttlMs: 40_000,
      publicKey: expect.stringMatching(/^ssh-ed25519 /),
    });
    expect(readdirSync(join(folder, 'jobs/7.head')).toSorted()).toEqual(['key', 'known_hosts', 'machine']);
    expect(readdirSync(join(folder, 'leases/7.head'))).toEqual(['record.json']);
    expect(await state.readRecord('7.head')).toMatchObject({ lease: 'x-1', stage: 'ready', script: null });
  });

  it('sleeps longer each time that it is refused, before Torque may try again', async () => {
    desk.setRefusal(full);
    for (const delayMs of [5_000, 10_000, 20_000]) {
      const end = await timed(prologue(words, host(), never), () => slept.includes(delayMs));
      expect([end, slept.at(-1)]).toEqual(['again', delayMs]);
    }
    expect(said).toHaveLength(3);
    desk.setRefusal(null);
    expect(await timed(prologue(words, host(), never), () => false)).toBe('go');
    expect(await state.readFailures('7.head')).toBeNull();
  });

  it('waits for a daemon that does not answer as long as the alarm lets it', async () => {
    desk.setTrouble(noDaemon);
    expect(await timed(prologue(words, host(), never))).toBe('again');
    expect(said).toEqual(['no machine for job 7.head of root: not within 90 s']);
  });

  it('gives back what it has asked for when no machine comes in time', async () => {
    desk.setGrants(false);
    const end = await timed(prologue(words, host(), never), () => desk.waits() > 0 || said.length > 0);
    expect([end, desk.open(), existsSync(join(folder, 'leases/7.head'))]).toEqual(['again', [], false]);
    expect(said).toEqual([
      'no machine for job 7.head of root: not within 90 s; lease x-1 waits for a machine of vmpool, next in line',
    ]);
  });

  it('gives it back when it is told to end, and when nobody waits for it any more', async () => {
    desk.setGrants(false);
    for (const kill of [
      (stop: AbortController) => stop.abort(),
      () => {
        parent = false;
      },
    ]) {
      const stop = new AbortController();
      const work = timed(prologue(words, host(), stop.signal), () => desk.open().length > 0);
      while (desk.open().length === 0) await clock.advance(0);
      kill(stop);
      expect(await work).toBe('again');
      expect(desk.open()).toEqual([]);
    }
  });

  it('gives back what an earlier one of the job has left, by its note alone', async () => {
    desk.add({ note });
    desk.add({ note: 'torque job 77.head on wn1' });
    await timed(prologue(words, host(), never), () => false);
    expect(desk.open()).toEqual(['x-2', 'x-3']);
  });

  it('lets no job run while no keeper does', async () => {
    const end = timed(
      prologue(words, { ...host(), ensureKeeper: async () => false }, never),
      () => desk.open().length > 0 || said.length > 0,
    );
    expect([await end, desk.open()]).toEqual(['again', []]);
  });

  it('ends a job for several nodes for good', async () => {
    const wide = words.with(4, 'nodes=2:ppn=1');
    expect(await timed(prologue(wide, host(), never))).toBe('never');
    expect(desk.open()).toEqual([]);
  });

  it('does not take for a job what is none', async () => {
    expect(await timed(prologue(['../../x', 'root'], host(), never))).toBe('again');
    expect(slept).toEqual([5_000]);
  });
});

describe('an epilogue', () => {
  it('gives back and removes all that the prologue has made; again, it does nothing', async () => {
    await timed(prologue(words, host(), never), () => false);
    for (const _ of [1, 2]) {
      expect(await timed(epilogue(words, host()), () => false)).toBe(true);
      expect([desk.open(), readdirSync(join(folder, 'jobs')), readdirSync(join(folder, 'leases'))]).toEqual([
        [],
        [],
        [],
      ]);
    }
  });

  it('without a daemon removes the keys at once, and leaves the rest to the keeper', async () => {
    await timed(prologue(words, host(), never), () => false);
    desk.setTrouble(noDaemon);
    expect(await timed(epilogue(words, host()))).toBe(false);
    expect(readdirSync(join(folder, 'jobs'))).toEqual([]);
    expect((await state.readRecord('7.head'))?.stage).toBe('over');
    expect(keepers).toBe(2);
    desk.setTrouble(null);
    await looks(1);
    expect([desk.open(), await state.jobs()]).toEqual([[], []]);
  });
});

/** So many looks of a keeper. */
async function looks(count: number): Promise<void> {
  const stop = new AbortController();
  const work = keep(host(), true, stop.signal);
  for (let look = 0; look < count; look += 1) {
    // A look is done when the keeper waits for the next one.
    while (clock.waiting === 0) await clock.advance(0);
    if (look + 1 < count) await clock.advance(10_000);
  }
  stop.abort();
  await work;
}

describe('the keeper', () => {
  async function record(job: string, fields: Partial<JobRecord>): Promise<void> {
    const { lease } = desk.add({ note: `torque job ${job} on wn1` });
    await state.writeRecord(job, {
      lease: lease.id,
      note: lease.note,
      script: null,
      bootId: await readBootId(),
      stage: 'ready',
      ...fields,
    });
  }

  it('renews the leases of jobs that run, and of no others', async () => {
    await record('1.head', {});
    await record('2.head', { stage: 'asked' });
    await looks(2);
    expect(desk.renewed).toEqual(['x-1', 'x-1']);
    expect(desk.open()).toEqual(['x-1', 'x-2']);
  });

  it('gives back what was borrowed before a reboot', async () => {
    await record('1.head', { bootId: 'another' });
    await looks(1);
    expect([desk.open(), await state.jobs()]).toEqual([[], []]);
  });

  it('gives back the machine of a job that mom has dropped, when it has missed it twice', async () => {
    const script = join(folder, '1.SC');
    writeFileSync(script, '');
    await record('1.head', { script });
    await looks(2);
    expect(desk.open()).toEqual(['x-1']);
    rmSync(script);
    await looks(1);
    expect(desk.open()).toEqual(['x-1']);
    await looks(2);
    expect(desk.open()).toEqual([]);
  });

  it('goes on when no daemon answers', async () => {
    await record('1.head', {});
    desk.setTrouble(noDaemon);
    await looks(1);
    desk.setTrouble(null);
    await looks(1);
    expect([desk.renewed, said]).toEqual([['x-1'], ['job 1.head: no daemon']]);
  });

  it('ends a minute after the last job', async () => {
    const beganMs = clock.monotonicNow();
    await timed(keep(host(), false, never));
    expect(clock.monotonicNow() - beganMs).toBeGreaterThan(60_000);
  });

  it('is one at a time, and takes the place of a dead one', async () => {
    expect(await keeperLives(folder, never)).toBe(false);
    const first = await becomeKeeper(folder, never);
    expect([first === null, await keeperLives(folder, never), await becomeKeeper(folder, never)]).toEqual([
      false,
      true,
      null,
    ]);
    await first?.release();
    writeFileSync(join(folder, 'keeper'), `1 1 ${await readBootId()}\n`);
    expect(await becomeKeeper(folder, never)).not.toBeNull();
    expect(readdirSync(folder)).toEqual(['keeper']);
  });
});
