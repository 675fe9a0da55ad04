import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import type { AccountingView, ReportReceipt } from '../../src/api/accounting.ts';
import { markOf } from '../../src/clouds/local/machines.ts';
import { killAll, readHostProcesses } from '../../src/host/processes.ts';
import { eventually } from '../support/eventually.ts';
import { createSite } from '../support/runningSite.ts';

/** The daemon, its command, and machines of this host: nothing is simulated. */
const main = resolve(import.meta.dirname, '../../src/main.ts');
const ask = resolve(import.meta.dirname, '../support/askAsNobody.ts');
const run = promisify(execFile);
const never = new AbortController().signal;

const site = createSite({
  config: `
site: books
stateDir: FOLDER/state
api:
  userSocket: { path: FOLDER/user.sock }
queues:
  - { name: leases, adapter: lease, poll: 200ms }
clouds:
  - { name: here, driver: local, folder: FOLDER/machines, poll: 200ms, max: 2 }
offers:
  - { name: small, cloud: here, cpus: 2, memory: 512MiB, disk: 1GiB, price: 3.6 EUR/h, boot: {} }
pools:
  - { name: desks, queue: leases, offers: [small], max: 2, limits: { idle: 1s, idleConfirm: 1s } }
accounting:
  apel: { site: EXAMPLE-T2 }
`,
});
const out = join(site.folder, 'out');
mkdirSync(out);

afterAll(async () => {
  await site.dispose();
  const host = await readHostProcesses(never);
  for (const { id } of ended) killAll(host.marked(markOf('books', id), null), 'SIGKILL');
});

let ended: Awaited<ReturnType<typeof site.instances>> = [];

test('what a lease has used is in the accounts and in one usage record, though the daemon is killed meanwhile', async () => {
  await site.start();
  const socket = join(site.folder, 'api.sock');
  const lease = run(process.execPath, [
    main,
    'lease',
    '--quiet',
    '--pool',
    'desks',
    '--socket',
    socket,
    '--',
    'sleep',
    '6',
  ]);
  await eventually(
    'the lease has its machine',
    async () => (await site.status()).queues[0]?.jobs.running === 1,
  );
  await site.kill();
  await site.start();
  await lease;
  await eventually('its machine has ended', async () => {
    ended = (await site.instances({ ended: true })).filter(({ phase }) => phase === 'ended');
    return ended.length === 1;
  });
  const [machine] = ended;
  const lived = ((machine?.endedAtMs ?? 0) - (machine?.createdAtMs ?? 0)) / 1000;

  const { rows } = await site.ask<AccountingView>(['accounting', '--by', 'pool,queue']);
  expect(rows).toMatchObject([{ keys: { pool: 'desks', queue: 'leases' }, machines: 1, jobs: 1 }]);
  expect(rows[0]?.machineSeconds).toBeCloseTo(lived, 6);
  expect(rows[0]?.coreSeconds).toBeCloseTo(2 * lived, 6);
  expect(rows[0]?.costs).toEqual([{ currency: 'EUR', amount: machine?.cost }]);
  // It slept for 6 s; the machine was made ready before, and wiped after it.
  expect(rows[0]?.busySeconds).toBeGreaterThan(5.5);
  expect(rows[0]?.busySeconds).toBeLessThanOrEqual(lived);

  const report = () => site.ask<ReportReceipt>(['accounting', 'apel', '--out', out]);
  expect(await report()).toEqual({ folder: out, messages: 1, records: 1 });
  await site.kill();
  await site.start();
  expect(await report()).toEqual({ folder: out, messages: 0, records: 0 });
  const [text, ...more] = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
  expect(more).toEqual([]);
  expect(text).toContain(`MachineName: ${machine?.id}\n`);
  expect(text).toContain('Status: completed\n');

  const refused = await site.ask<{ error: { reason: string } }>(['accounting', 'apel'], [1]);
  expect(refused.error.reason).toBe('notConfigured');
});

test.skipIf(process.getuid?.() !== 0)(
  'an unprivileged user may ask on the users’ socket, and there alone',
  async () => {
    chmodSync(site.folder, 0o755);
    const asNobody = async (socket: string, page: string) =>
      (await run(process.execPath, [ask, join(site.folder, socket), page])).stdout;
    expect(await asNobody('user.sock', '/v1/status')).toBe('200');
    expect(await asNobody('user.sock', '/v1/explain/job/none')).toBe('404');
    expect(await asNobody('user.sock', '/v1/plan')).toBe('403');
    expect(await asNobody('api.sock', '/v1/status')).toBe('EACCES');
  },
);
