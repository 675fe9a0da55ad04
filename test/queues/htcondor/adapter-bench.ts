import { hostClock } from '../../../src/daemon/clock.ts';
import type { Clock } from '../../../src/model/clock.ts';
import { QueueName, SiteId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import { forgetfulMemory } from '../../../src/model/memory.ts';
import { htcondorAdapter } from '../../../src/queues/htcondor/adapter.ts';
import type { Queue } from '../../../src/queues/port.ts';
import { type FakeAnswer, type FakeTools, fakeTools, recorded } from './fake-tools.ts';

export const forever = new AbortController().signal;
const made: FakeTools[] = [];

/** For `afterEach`. */
export function removeTools(): void {
  for (const tools of made.splice(0)) tools.remove();
}

export interface Bench {
  readonly queue: Queue;
  readonly tools: FakeTools;
  readonly said: readonly string[];
  readonly poll: (nowMs?: number) => ReturnType<Queue['poll']>;
}

export function bench(
  rows: readonly FakeAnswer[],
  settings: Readonly<Record<string, unknown>> = {},
  clock: Clock = hostClock,
): Bench {
  const tools = fakeTools(rows);
  made.push(tools);
  const said: string[] = [];
  const note = (level: string) => (fields: object, message: string) => {
    said.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const log: Log = {
    debug: note('debug'),
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
    child: () => log,
  };
  const queue = htcondorAdapter.create(htcondorAdapter.configSchema.parse({ bin: tools.bin, ...settings }), {
    site: SiteId('site'),
    queue: QueueName('main'),
    memory: forgetfulMemory(),
    clock,
    log,
  });
  return {
    queue,
    tools,
    said,
    poll: (nowMs = 5) => queue.poll({ nowMs, attributes: ['VMType'], machines: [] }, forever),
  };
}

export const settled: FakeAnswer = { tool: 'condor_status', when: '-collector', stdout: 'My Pool\n' };
export const noMachine: FakeAnswer = { tool: 'condor_status' };
export const machines: FakeAnswer = { tool: 'condor_status', stdout: recorded('slots/busy.out') };

export const totalsText = (matching: number, idle = matching, schedd = 'schedd@pool') =>
  `\n\n-- Schedd: ${schedd} : <127.0.0.1:9618?... @ 11/22/26 05:38:17\n` +
  `Total for query: ${matching} jobs; 0 completed, 0 removed, ${matching} idle, 0 running, 0 held, 0 suspended \n` +
  `Total for all users: ${idle + 3} jobs; 0 completed, 0 removed, ${idle} idle, 1 running, 2 held, 0 suspended \n\n`;
export const totals = (...args: Parameters<typeof totalsText>): FakeAnswer => ({
  tool: 'condor_q',
  when: '-totals',
  stdout: totalsText(...args),
});
export const jobs: FakeAnswer = { tool: 'condor_q', when: '-long', stdout: recorded('answers/jobs.out') };
export const failing = (name: string, over: Partial<FakeAnswer> = {}): FakeAnswer => ({
  tool: 'condor_q',
  stderr: recorded(`failures/${name}.err`),
  exitCode: 1,
  ...over,
});
