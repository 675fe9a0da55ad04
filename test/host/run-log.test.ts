import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.ts';

const main = resolve(import.meta.dirname, '../../src/main.ts');

/** Runs a daemon until it has begun, with its standard output in a file, and returns what it has logged. */
async function logOf(args: readonly string[], isJournal: boolean): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-log-'));
  const config = join(folder, 'site.yaml');
  writeFileSync(
    config,
    `site: lab
stateDir: ${folder}/state
socket: ${folder}/api.sock
queues: [{name: leases, adapter: lease, poll: 1s}]
clouds: [{name: here, driver: local, folder: '${folder}/machines', poll: 1s}]
offers: [{name: small, cloud: here, cpus: 1, memory: 1GiB, disk: 1GiB, boot: {}}]
pools: [{name: desks, queue: leases, offers: [small], max: 1}]
`,
  );
  const path = join(folder, 'log');
  const log = openSync(path, 'w');
  const { dev, ino } = fstatSync(log);
  const daemon = spawn(process.execPath, [main, 'run', config, ...args], {
    stdio: ['ignore', log, 'inherit'],
    env: { ...process.env, JOURNAL_STREAM: isJournal ? `${dev}:${ino}` : '1:1' },
  });
  closeSync(log);
  const gone = once(daemon, 'exit');
  onTestFinished(async () => {
    daemon.kill('SIGKILL');
    await gone;
    rmSync(folder, { recursive: true });
  });
  const text = () => readFileSync(path, 'utf8');
  const began = () => text().includes('spillway runs') || daemon.exitCode !== null;
  await eventually('it runs', began, { everyMs: 50, withinMs: 50_000 });
  expect(daemon.exitCode, text()).toBeNull();
  return text().split('\n').slice(0, -1);
}

test('standard output that is the journal gets lines as the journal reads them', async () => {
  const lines = await logOf([], true);
  for (const line of lines) expect(line).toMatch(/^<[3467]>\S.* site=lab/);
  expect(lines.find((line) => line.includes('spillway runs'))).toMatch(/^<6>spillway runs site=lab version=/);
});

test.each([
  ['any other gets a document a line', [], false],
  ['so does the journal where that is asked for', ['--log-format', 'json'], true],
] as const)('%s', async (_, args, isJournal) => {
  const lines = await logOf(args, isJournal);
  const documents = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const document of documents) expect(document).toMatchObject({ site: 'lab' });
  expect(documents.some(({ msg, level }) => msg === 'spillway runs' && level === 30)).toBe(true);
});
