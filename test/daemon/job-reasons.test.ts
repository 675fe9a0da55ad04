import { expect, test } from 'vitest';
import type { DaemonParts } from '../../src/daemon/daemonParts.ts';
import { createJobReasons } from '../../src/daemon/jobReasons.ts';
import { QueueError } from '../../src/model/errors.ts';
import { DemandId, JobId } from '../../src/model/ids.ts';
import type { Log } from '../../src/model/log.ts';
import type { DemandReport } from '../../src/planner/plan.ts';
import { createVirtualClock } from '../../src/simulate/virtualClock.ts';
import { batchQueue } from '../support/siteParts.ts';

const minute = 60_000;
type Code = NonNullable<DemandReport['shortage']>['code'];

function report(name: string, code: Code | null, why = 'so'): DemandReport {
  const shortage = code === null ? null : { code, why };
  return {
    demand: DemandId(name),
    queue: batchQueue,
    sampleJobs: [JobId(`s#${name}`)],
    shortage,
    onComing: 1,
    onLaunches: 0,
    onUndrained: 0,
  } as unknown as DemandReport;
}

function bench(mode: 'act' | 'observe' = 'act') {
  const clock = createVirtualClock();
  const told: string[] = [];
  const said: string[] = [];
  const state = { reports: [] as readonly DemandReport[], refuses: false };
  const log: Log = {
    debug: () => {},
    info: () => {},
    warn: (_fields, message) => void said.push(message),
    error: () => {},
    child: () => log,
  };
  const tell = async (jobs: readonly JobId[], why: string) => {
    if (state.refuses) throw new QueueError('denied', 'no');
    told.push(`${jobs.join(' ')}: ${why}`);
  };
  const parts = {
    clock,
    log,
    config: { mode },
    queues: [{ config: { name: batchQueue, deadlineMs: 1000 }, queue: { tell } }],
  } as unknown as DaemonParts;
  void createJobReasons({ parts, reports: () => state.reports }).run(new AbortController().signal);
  return { state, told, said, pass: (ms: number) => clock.advance(ms) };
}

test('a reason is told when it has held for two rounds, once', async () => {
  const { state, told, pass } = bench();
  state.reports = [report('a', 'quota'), report('b', null)];
  await pass(minute);
  expect(told).toEqual([]);
  await pass(10 * minute);
  expect(told).toEqual(['s#a: quota: so', 's#b: a machine is on its way']);
});

test('another reason is told, one that comes and goes is not', async () => {
  const { state, told, pass } = bench();
  state.reports = [report('a', 'quota')];
  await pass(2 * minute);
  state.reports = [report('a', 'poolMax')];
  await pass(minute);
  state.reports = [report('a', 'quota')];
  await pass(2 * minute);
  state.reports = [report('a', 'poolMax')];
  await pass(2 * minute);
  expect(told).toEqual(['s#a: quota: so', 's#a: poolMax: so']);
});

test('jobs that were gone and are back are told again', async () => {
  const { state, told, pass } = bench();
  state.reports = [report('a', 'quota')];
  await pass(2 * minute);
  state.reports = [];
  await pass(minute);
  state.reports = [report('a', 'quota')];
  await pass(2 * minute);
  expect(told).toHaveLength(2);
});

test('many kinds are told a few at a time', async () => {
  const { state, told, pass } = bench();
  state.reports = Array.from({ length: 120 }, (_, at) => report(`${at}`, 'quota'));
  await pass(2 * minute);
  expect(told).toHaveLength(50);
  await pass(2 * minute);
  expect(told).toHaveLength(120);
});

test('a refusal is said once, and tried again', async () => {
  const { state, told, said, pass } = bench();
  state.reports = [report('a', 'quota')];
  state.refuses = true;
  await pass(5 * minute);
  expect(said).toEqual(['jobs cannot be told why they wait']);
  state.refuses = false;
  await pass(minute);
  expect(told).toHaveLength(1);
});

test('what is only observed tells nobody', async () => {
  const { state, told, pass } = bench('observe');
  state.reports = [report('a', 'quota')];
  await pass(5 * minute);
  expect(told).toEqual([]);
});
