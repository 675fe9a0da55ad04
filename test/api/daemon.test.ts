import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { statusSchema } from '../../src/api/schema/status.ts';
import { type Api, startApi } from '../../src/api/server.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import { createSimulatedSite, type SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { keepLog } from '../support/apiServer.ts';
import { neverReloaded } from '../support/neverReloaded.ts';
import { cli } from '../support/runCli.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';

/** The real daemon on a simulated site, behind the real API, asked with the real command. */
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(site: SimulatedSite) {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-daemon-'));
  const socket = join(folder, 's');
  const faults: string[] = [];
  const api: Api = await startApi({
    socket,
    listen: [],
    tokens: [],
    control: { ...site.control, ...neverReloaded },
    clock: hostClock,
    log: keepLog(faults),
  });
  closers.push(async () => {
    await api.close();
    await rm(folder, { recursive: true });
  });
  const ask = async (...args: readonly string[]) => {
    const run = await cli([...args, '--socket', socket]);
    expect(faults).toEqual([]);
    return run;
  };
  return { ask };
}

/** What the daemon waits for takes simulated time, while the answer comes over a real socket. */
async function pump<T>(site: SimulatedSite, answer: Promise<T>): Promise<T> {
  const progress = { pending: true };
  const settled = answer.finally(() => {
    progress.pending = false;
  });
  while (progress.pending) {
    await site.run(50);
    await nextTurn();
  }
  return settled;
}

function startSite(): SimulatedSite {
  const site = createSimulatedSite({
    offers: [makeOffer({ name: 'small' }), makeOffer({ name: 'large', vmType: 'b', cpus: 4 })],
    pools: [makePool({ name: 'p', offers: ['small', 'large'], max: 3 })],
  });
  site.start();
  return site;
}

test('every page holds what its schema says, in every phase of an instance', async () => {
  const site = startSite();
  const { ask } = await serve(site);
  const seen = new Set<string>();
  const lookAround = async () => {
    const { instances } = site.control.instances({ ended: true, limit: 100 });
    const fresh = instances.filter(({ phase }) => !seen.has(phase));
    if (seen.size > 0 && fresh.length === 0) return;
    for (const page of ['status', 'plan', 'journal', 'instance list --ended'])
      expect(await ask(...page.split(' '), '--json')).toMatchObject({ code: 0, stderr: '' });
    for (const { id, phase } of fresh) {
      seen.add(phase);
      expect(await ask('explain', 'instance', id)).toMatchObject({ code: 0, stderr: '' });
    }
  };
  await lookAround();
  site.queue.submit(makeJobClass(), { count: 5, runMs: 20_000 });
  site.queue.submit(makeJobClass({ vmType: 'none' }), { count: 1, runMs: 20_000 });
  for (let step = 0; step < 120; step++) {
    await site.run(2_000);
    await lookAround();
  }
  const passed = ['building', 'joining', 'idle', 'claimed', 'draining', 'terminating', 'ended'];
  expect([...seen]).toEqual(expect.arrayContaining(passed));
});

test('a job that no offer fits: why, and by which clause', async () => {
  const site = startSite();
  const { ask } = await serve(site);
  const [job] = site.queue.submit(makeJobClass({ vmType: 'none' }), { count: 1, runMs: 20_000 });
  await site.run(15_000);
  const { code, stdout } = await pump(site, ask('explain', 'job', String(job?.id)));
  expect(code).toBe(0);
  expect(stdout).toContain('TARGET.VMType == "none"');
  expect((await ask('plan')).stdout).toContain('TARGET.VMType == "none"');
});

test('launched, drained, un-drained and ended by hand', async () => {
  const site = startSite();
  const { ask } = await serve(site);
  await site.run(15_000);
  const launched = await ask('instance', 'launch', 'p', '--offer', 'small', '--json');
  expect(launched.code).toBe(0);
  const [instance] = site.instances();
  const id = String(instance?.id);
  expect(launched.stdout).toContain(`"${id}"`);
  expect(await ask('instance', 'launch', 'p', '--count', '3')).toMatchObject({ code: 1 });
  expect(await ask('instance', 'undrain', id)).toMatchObject({ code: 1 });
  const phase = () => site.instances().find((known) => known.id === id)?.phase;
  await site.runUntil(() => phase() === 'idle', { withinMs: 120_000, what: 'it is idle' });
  expect(await ask('instance', 'drain', id)).toMatchObject({ code: 0 });
  expect(phase()).toBe('draining');
  expect(await ask('instance', 'undrain', id)).toMatchObject({ code: 0 });
  await site.runUntil(() => phase() === 'idle', { withinMs: 60_000, what: 'it is idle again' });
  expect(await ask('instance', 'terminate', id, '--force')).toMatchObject({ code: 0 });
  await site.runUntil(() => site.alive().length === 0, { withinMs: 60_000, what: 'it is gone' });
  await site.run(20_000);
  expect((await ask('instance', 'drain', id)).stderr).toContain('has ended');
  const status = statusSchema.parse(JSON.parse((await ask('status', '--json')).stdout));
  expect(status.totals.sinceStore).toMatchObject({ launched: 1, ended: 1 });
});
