import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/model/clock.ts';
import { runTool, type ToolCall } from '../../../src/queues/htcondor/command.ts';
import { eventually } from '../../support/eventually.ts';
import { type FakeAnswer, type FakeTools, fakeTools } from './fake-tools.ts';

const made: FakeTools[] = [];
afterEach(() => {
  for (const tools of made.splice(0)) tools.remove();
});

function tools(...rows: FakeAnswer[]): FakeTools {
  const fake = fakeTools(rows);
  made.push(fake);
  return fake;
}

/** A clock whose deadlines come when the test says so. */
function handClock(): Clock & { ring(): void } {
  const waiting: (() => void)[] = [];
  return {
    wallNow: () => 0,
    monotonicNow: () => 0,
    sleep: (_, signal) =>
      new Promise((resolve, reject) => {
        waiting.push(resolve);
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      }),
    ring: () => {
      for (const wake of waiting.splice(0)) wake();
    },
  };
}

const forever = new AbortController().signal;
const call = (over: Partial<ToolCall> = {}): ToolCall => ({
  tool: 'condor_q',
  args: ['-totals'],
  stdoutBytesMax: 1000,
  ...over,
});

function setup(bin: string | null, clock: Clock = handClock()) {
  return { bin, clock, environment: { PATH: '/usr/bin:/bin' }, timeoutMs: 25_000 };
}

/** Ended and waiting for its parent to notice is as good as gone. */
function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('runTool', () => {
  it('gives output, complaints and exit code of a program that ends, whatever they are', async () => {
    const { bin } = tools({ tool: 'condor_q', stdout: 'jobs', stderr: 'oh', exitCode: 3 });
    expect(await runTool(setup(bin), call(), forever)).toEqual({ exitCode: 3, stdout: 'jobs', stderr: 'oh' });
  });

  it('hands arguments over as they are: no shell sees them', async () => {
    const fake = tools({ tool: 'condor_q' });
    await runTool(setup(fake.bin), call({ args: ['-constraint', 'Owner == "$(id)"; rm *', ''] }), forever);
    expect(fake.calls()).toEqual(['condor_q -constraint Owner == "$(id)"; rm * ']);
  });

  it('hands on nothing of the environment but what it was given', async () => {
    const { stdout } = await runTool(setup('/usr/bin'), call({ tool: 'env', args: [] }), forever);
    expect(stdout).toBe('PATH=/usr/bin:/bin\n');
  });

  it('writes the input and takes the output line by line', async () => {
    const lines: string[] = [];
    const input = 'Ärger\nzwei\n\ndrei';
    const result = await runTool(
      setup('/bin'),
      call({ tool: 'cat', args: [], input, onLine: (line) => lines.push(line) }),
      forever,
    );
    expect(lines).toEqual(['Ärger', 'zwei', '', 'drei']);
    expect(result.stdout).toBe('');
  });

  it('does not mind a program that does not read its input', async () => {
    const { bin } = tools({ tool: 'condor_q', stdout: 'ok' });
    const result = await runTool(setup(bin), call({ input: 'x'.repeat(1_000_000) }), forever);
    expect(result.stdout).toBe('ok');
  });

  it.each([
    ['not there', '/nonexistent', 'condor_q'],
    ['not executable', '/etc', 'passwd'],
  ])('a program that is %s: missing', async (_, bin, tool) => {
    await expect(runTool(setup(bin), call({ tool }), forever)).rejects.toMatchObject({ code: 'missing' });
  });

  it('at its deadline a program is ended with all that it has started: timeout', async () => {
    const fake = tools({ tool: 'condor_q', hangs: true });
    const clock = handClock();
    const running = runTool(setup(fake.bin, clock), call(), forever);
    const outcome = expect(running).rejects.toMatchObject({
      code: 'timeout',
      message: 'condor_q gave no answer in 25 s',
    });
    const child = await eventually('the child runs', () => fake.hanging()[0], { everyMs: 10 });
    clock.ring();
    await outcome;
    await eventually('the child is gone', () => !alive(child ?? 0), { everyMs: 10 });
  });

  it('when the signal comes it is ended likewise', async () => {
    const fake = tools({ tool: 'condor_q', hangs: true });
    const stop = new AbortController();
    const running = runTool(setup(fake.bin), call(), stop.signal);
    const outcome = expect(running).rejects.toMatchObject({ code: 'timeout', message: 'condor_q: given up' });
    const child = await eventually('the child runs', () => fake.hanging()[0], { everyMs: 10 });
    stop.abort();
    await outcome;
    await eventually('the child is gone', () => !alive(child ?? 0), { everyMs: 10 });
  });

  it('starts nothing when the signal has come before', async () => {
    const fake = tools({ tool: 'condor_q' });
    await expect(runTool(setup(fake.bin), call(), AbortSignal.abort())).rejects.toMatchObject({
      code: 'timeout',
    });
    expect(fake.calls()).toEqual([]);
  });

  it('an argument that no program could be given: invalid', async () => {
    const running = runTool(setup('/bin'), call({ args: ['a\0b'] }), forever);
    await expect(running).rejects.toMatchObject({ code: 'invalid' });
  });

  it('more output than allowed: malformed', async () => {
    const { bin } = tools({ tool: 'condor_q', stdout: 'x'.repeat(1001) });
    await expect(runTool(setup(bin), call(), forever)).rejects.toMatchObject({ code: 'malformed' });
  });

  it('a program that somebody else ends: unavailable', async () => {
    const clock = handClock();
    const running = runTool(setup('/bin', clock), call({ tool: 'sh', args: ['-c', 'kill -9 $$'] }), forever);
    await expect(running).rejects.toMatchObject({ code: 'unavailable', message: 'sh was ended by SIGKILL' });
  });

  it('a line that cannot be read ends it: malformed', async () => {
    const { bin } = tools({ tool: 'condor_q', stdout: 'a\nb\n' });
    const onLine = () => {
      throw new Error('not an ad');
    };
    await expect(runTool(setup(bin), call({ onLine }), forever)).rejects.toMatchObject({ code: 'malformed' });
  });
});
