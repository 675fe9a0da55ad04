import { afterEach, describe, expect, it } from 'vitest';
import { hostClock } from '../../../src/daemon/clock.ts';
import { QueueError } from '../../../src/model/errors.ts';
import { QueueName, SiteId } from '../../../src/model/ids.ts';
import { forgetfulMemory } from '../../../src/model/memory.ts';
import { htcondorAdapter } from '../../../src/queues/htcondor/adapter.ts';
import type { Queue } from '../../../src/queues/port.ts';
import { silentLog } from '../../bench/site.ts';
import { type FaultyTools, faultyTools, type ToolRule } from '../../support/faultyTools.ts';
import { jobs, machines, settled, totals } from './adapter-bench.ts';
import { type FakeAnswer, fakeTools, recorded } from './fake-tools.ts';

const made: { remove(): void }[] = [];
afterEach(() => {
  for (const one of made.splice(0)) one.remove();
});

/** The adapter on wrappers before tools that answer as HTCondor did: two machines, 15 waiting jobs. */
function start(rows: readonly FakeAnswer[] = [settled, machines, totals(15), jobs]): {
  tools: FaultyTools;
  queue: Queue;
} {
  const real = fakeTools(rows);
  const tools = faultyTools({ bin: real.bin, tools: ['condor_q', 'condor_status'] });
  made.push(tools, real);
  const settings = htcondorAdapter.configSchema.parse({ bin: tools.bin });
  const deps = {
    site: SiteId('site'),
    queue: QueueName('main'),
    clock: hostClock,
    log: silentLog,
    memory: forgetfulMemory(),
  };
  return { tools, queue: htcondorAdapter.create(settings, deps) };
}

type Seen = 'blind' | 'whole' | 'empty';

/** What a poll may be taken for: `blind`: an error, or a view that says of itself that it is not whole. */
async function poll(queue: Queue, signal: AbortSignal = AbortSignal.timeout(20_000)): Promise<Seen> {
  try {
    const view = await queue.poll({ nowMs: 0, attributes: ['VMType'], machines: [] }, signal);
    if (view.workers.length < 2) return view.workersComplete ? 'empty' : 'blind';
    if (view.jobs.waiting < 15 || view.demand.length < 5) return view.demandComplete ? 'empty' : 'blind';
    return 'whole';
  } catch (error) {
    if (error instanceof QueueError) return 'blind';
    throw error;
  }
}

/** A poll whose deadline comes when the tool hangs. */
async function pollHanging(queue: Queue, tools: FaultyTools): Promise<Seen> {
  const deadline = new AbortController();
  const seen = poll(queue, deadline.signal);
  await tools.applied(0, tools.count() + 1);
  deadline.abort();
  return seen;
}

const refused = (name: string) => ({ kind: 'refused', stderr: recorded(`failures/${name}.err`) }) as const;

/** `condor_status -long` alone may lie by leaving machines out and nothing tells: that is for the core, which ends none for it. */
const lies: readonly (readonly [string, ToolRule, 'blind' | 'whole'])[] = [
  ['condor_q refuses', { tool: 'condor_q', fault: refused('schedd_off_q') }, 'blind'],
  ['condor_status refuses', { tool: 'condor_status', fault: refused('status_unknown_pool') }, 'blind'],
  ['condor_q says nothing', { tool: 'condor_q', fault: { kind: 'empty' } }, 'blind'],
  ['condor_status says nothing', { tool: 'condor_status', fault: { kind: 'empty' } }, 'blind'],
  ['the jobs are empty', { tool: 'condor_q', args: '-long', fault: { kind: 'empty' } }, 'blind'],
  ['the totals are empty', { tool: 'condor_q', args: '-totals', fault: { kind: 'empty' } }, 'blind'],
  [
    'the totals are cut',
    { tool: 'condor_q', args: '-totals', fault: { kind: 'truncated', at: 'byte' } },
    'blind',
  ],
  [
    'the jobs are cut',
    { tool: 'condor_q', args: '-long', fault: { kind: 'truncated', at: 'byte' } },
    'blind',
  ],
  [
    'half of the jobs are missing',
    { tool: 'condor_q', args: '-long', fault: { kind: 'truncated', at: 'ad' } },
    'blind',
  ],
  [
    'the machines are cut',
    { tool: 'condor_status', args: '-long', fault: { kind: 'truncated', at: 'byte' } },
    'blind',
  ],
  ['condor_q is killed', { tool: 'condor_q', fault: { kind: 'killed', when: 'before' } }, 'blind'],
  [
    'condor_status is killed after',
    { tool: 'condor_status', fault: { kind: 'killed', when: 'after' } },
    'blind',
  ],
  ['condor_q hangs', { tool: 'condor_q', fault: { kind: 'hang', when: 'after' } }, 'blind'],
  ['condor_status hangs', { tool: 'condor_status', fault: { kind: 'hang', when: 'before' } }, 'blind'],
  ['all is old', { fault: { kind: 'stale' } }, 'whole'],
];

describe('for ten polls it is no empty queue when', () => {
  it.each(lies)('%s', { timeout: 30_000 }, async (_, rule, expected) => {
    const { tools, queue } = start();
    expect(await poll(queue)).toBe('whole');
    tools.set(rule);
    const seen = new Set<string>();
    for (let n = 0; n < 10; n++)
      seen.add(rule.fault.kind === 'hang' ? await pollHanging(queue, tools) : await poll(queue));
    expect(tools.count()).toBeGreaterThanOrEqual(10);
    expect([...seen]).toEqual([expected]);
    tools.clear();
    expect(await poll(queue)).toBe('whole');
  });
});
