import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliError } from '../../../src/cli/exit.ts';
import { machinesMax, processorsIn, torqueTools } from '../../../src/cli/torque/sync.ts';

const test = resolve(import.meta.dirname, '../..');
const always = new AbortController().signal;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-sync-'));
  cpSync(join(test, 'support/torque/bin'), join(folder, 'bin'), { recursive: true });
  cpSync(join(test, 'data/torque'), join(folder, 'data'), { recursive: true });
  for (const name of ['pbsnodes', 'qmgr']) chmodSync(join(folder, 'bin', name), 0o755);
  mkdirSync(join(folder, 'bin/state'));
  say('np', '4');
});
afterEach(() => rmSync(folder, { recursive: true }));

const say = (name: string, text: string) => writeFileSync(join(folder, 'bin/state', name), text);
const calls = () => readFileSync(join(folder, 'bin/state/calls'), 'utf8');
const tools = () => torqueTools({ torqueBin: join(folder, 'bin') }, '/usr/bin:/bin');

async function complaintOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CliError)) throw new Error(`expected a CliError, not ${String(error)}`);
  return error.message;
}

describe('np of a node', () => {
  it('is read from the recorded list, and set', async () => {
    expect(await tools().nodeProcessors('wn1', always)).toBe(4);
    await tools().setNodeProcessors('wn1', 6, always);
    expect(calls()).toBe('-c set node wn1 np = 6\n');
    expect(await tools().nodeProcessors('wn1', always)).toBe(6);
  });

  it('of a node that Torque does not know is not there', async () => {
    expect(await tools().nodeProcessors('wn2', always)).toBeNull();
  });

  it('is never taken from silence', async () => {
    say('trouble', 'silent');
    expect(await complaintOf(tools().nodeProcessors('wn1', always))).toBe('pbsnodes: no list of nodes');
  });

  it.each([
    ['server', 'qmgr: qmgr: cannot connect to server  (errno=111) Connection refused (exit code 3)'],
    [
      'manager',
      'qmgr: qmgr obj= svr=default: Unauthorized Request  MSG=error in permissions (PERM_OPorMGR) (exit code 2)',
    ],
    ['trqauthd', 'qmgr: qstat: Error (15137 - could not connect to trqauthd) (exit code 33)'],
  ])('cannot be set while there is trouble with the %s', async (trouble, message) => {
    say('trouble', trouble);
    expect(await complaintOf(tools().setNodeProcessors('wn1', 6, always))).toBe(message);
  });

  it('cannot be read while the server is down', async () => {
    say('trouble', 'server');
    expect(await complaintOf(tools().nodeProcessors('wn1', always))).toContain('(exit code 1)');
  });

  it('of a node that qmgr does not know cannot be set', async () => {
    expect(await complaintOf(tools().setNodeProcessors('vm-dyn', 6, always))).toBe(
      'qmgr: qmgr obj=vm-dyn svr=default: Unknown node (exit code 2)',
    );
  });

  it('where there is no Torque at all', async () => {
    const none = torqueTools({ torqueBin: null }, '/nonexistent');
    expect(await complaintOf(none.nodeProcessors('wn1', always))).toContain('ENOENT');
  });
});

it('a name that is part of another is another node', () => {
  const node = (name: string, np: number) => `<Node><name>${name}</name><np>${np}</np></Node>`;
  const xml = `<Data>${node('wn10', 3)}${node('wn1', 7)}</Data>`;
  expect([processorsIn(xml, 'wn1'), processorsIn(xml, 'wn10'), processorsIn(xml, 'wn')]).toEqual([
    7,
    3,
    null,
  ]);
});

describe('machines that a node’s jobs can have', () => {
  const pools = [
    { name: 'vmpool', max: 8 },
    { name: 'big', max: 2 },
    { name: 'other', max: 100 },
  ];
  it('are those of its pools, each counted once', () => {
    const queues = new Map([
      ['long', 'big'],
      ['longer', 'big'],
      ['short', 'vmpool'],
    ]);
    expect(machinesMax({ pool: 'vmpool', poolOfQueue: queues }, pools)).toBe(10);
  });
  it('cannot be said where a pool is not there', () => {
    expect(() => machinesMax({ pool: 'none', poolOfQueue: new Map() }, pools)).toThrow(
      'there is no pool none',
    );
  });
});
