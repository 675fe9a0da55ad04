import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { fakeTools } from '../queues/htcondor/fake-tools.ts';
import { faultyTools, type ToolFault } from './faultyTools.ts';

const made: { remove(): void }[] = [];
afterEach(() => {
  for (const one of made.splice(0)) one.remove();
});

const answer = 'A = 1\n\nA = 2\n\nA = 3\n\nA = 4\n\n';

function start() {
  const real = fakeTools([{ tool: 'condor_q', stdout: answer }]);
  const tools = faultyTools({ bin: real.bin, tools: ['condor_q'] });
  made.push(tools, real);
  const run = (...args: string[]) => {
    const { status, signal, stdout, stderr } = spawnSync(join(tools.bin, 'condor_q'), args, {
      encoding: 'utf8',
      timeout: 10_000,
    });
    return { status, signal, stdout, stderr };
  };
  return { real, tools, run };
}

const good = { status: 0, signal: null, stdout: answer, stderr: '' };

it('without a fault the real tool answers, with its own arguments', () => {
  const { real, run } = start();
  expect(run('-constraint', `A == "it's"`)).toEqual(good);
  expect(readFileSync(join(real.bin, 'calls.log'), 'utf8')).toBe(`condor_q -constraint A == "it's"\n`);
});

it.each<[string, ToolFault, object, number]>([
  ['refused', { kind: 'refused', stderr: "no 'right'", exitCode: 3 }, { status: 3, stderr: "no 'right'" }, 0],
  ['empty', { kind: 'empty' }, { status: 0, stdout: '' }, 0],
  ['cut', { kind: 'truncated', at: 'byte' }, { status: 0, stdout: answer.slice(0, 14) }, 1],
  ['cut between ads', { kind: 'truncated', at: 'ad' }, { status: 0, stdout: 'A = 1\n\nA = 2\n\n' }, 1],
  ['killed before', { kind: 'killed', when: 'before' }, { signal: 'SIGKILL', stdout: '' }, 0],
  ['killed after', { kind: 'killed', when: 'after' }, { signal: 'SIGKILL', stdout: '' }, 1],
])('%s: as often as the rule says, and the real tool runs or does not', (_, fault, seen, runs) => {
  const { real, tools, run } = start();
  tools.set({ tool: 'condor_q', args: 'b c', times: 1, fault });
  expect(run('a')).toEqual(good);
  expect(run('b', 'c')).toMatchObject(seen);
  expect(real.calls()).toHaveLength(1 + runs);
  expect(run('b', 'c')).toEqual(good);
  expect(tools.count()).toBe(1);
});

it('stale: what it said to the same arguments before', () => {
  const { real, tools, run } = start();
  run('a');
  real.answer([{ tool: 'condor_q', stdout: 'new\n' }]);
  tools.set({ fault: { kind: 'stale' } });
  expect([run('a').stdout, run('b').stdout]).toEqual([answer, 'new\n']);
  real.answer([{ tool: 'condor_q', stdout: 'newer\n' }]);
  expect([run('a').stdout, run('b').stdout]).toEqual([answer, 'new\n']);
  tools.clear();
  expect(run('a').stdout).toBe('newer\n');
});
