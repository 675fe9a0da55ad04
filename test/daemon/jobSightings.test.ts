import { expect, test } from 'vitest';
import { noJobSightings, sightJobs } from '../../src/daemon/jobSightings.ts';
import type { QueueSnapshot, Worker } from '../../src/model/demand.ts';
import { InstanceId, WorkerId } from '../../src/model/ids.ts';
import { noResources } from '../../src/model/resources.ts';
import { traceOfJournal } from '../../src/simulate/journalTrace.ts';
import { parseSwf } from '../../src/simulate/swf.ts';
import { formatSwf } from '../../src/simulate/swfWrite.ts';
import { batchQueue } from '../support/siteParts.ts';

const worker = (jobIds: readonly string[], instance: string | null = 'i-0'): Worker => ({
  id: WorkerId(`slot1@${instance}`),
  queue: batchQueue,
  instance: instance === null ? null : InstanceId(instance),
  address: null,
  activity: jobIds.length > 0 ? 'claimed' : 'idle',
  runningJobs: jobIds.length,
  jobIds,
  usage: jobIds.length === 0 ? [] : [{ user: 'alice', group: null, cpus: 2 * jobIds.length }],
  total: { ...noResources, cpus: 8 },
  slots: [],
});

const view = (takenAtMs: number, workers: readonly Worker[], workersComplete = true): QueueSnapshot => ({
  queue: batchQueue,
  takenAtMs,
  workersComplete,
  demandComplete: true,
  demand: [],
  workers,
  jobs: { waiting: 0, running: 0, held: 0 },
});

test('a job is told of when a complete view shows it no more, with when it was first and last seen', () => {
  const ids = ['a#1.0#1700000000', 'a#2.0#1700000050'];
  const first = sightJobs(noJobSightings, view(1_700_000_100_000, [worker(ids)]));
  const second = sightJobs(first.after, view(1_700_000_200_000, [worker(ids)]));
  const silent = sightJobs(second.after, view(1_700_000_300_000, [], false));
  const third = sightJobs(silent.after, view(1_700_000_400_000, [worker(ids.slice(1)), worker(['x'], null)]));
  expect([...first.entries, ...second.entries, ...silent.entries]).toEqual([]);
  expect(third.entries).toEqual([
    {
      kind: 'jobs',
      atMs: 1_700_000_400_000,
      why: 'a job has ended',
      data: { jobs: '[["a#1.0#1700000000",1700000100000,1700000200000,2,"alice"]]' },
    },
  ]);
  expect([...third.after.keys()]).toEqual(ids.slice(1));
});

test('many that end at once are several entries, none of them large', () => {
  const ids = Array.from({ length: 450 }, (_, at) => `a#${at}.0#1700000000`);
  const { after } = sightJobs(noJobSightings, view(1000, [worker(ids)]));
  const { entries } = sightJobs(after, view(2000, [worker([])]));
  expect(entries.map(({ why }) => why)).toEqual([
    '200 jobs have ended',
    '200 jobs have ended',
    '50 jobs have ended',
  ]);
});

test('the journal becomes a trace that is read again: submitted when the id says so, else when it began', () => {
  const rows = [
    ['b', 1_700_000_300_000, 1_700_000_360_000, 4, null],
    ['a#1.0#1700000000', 1_700_000_100_000, 1_700_000_200_000, 2, 'alice'],
  ];
  const entry = { atMs: 5000, wallMs: 6000, data: { jobs: JSON.stringify(rows) } };
  const broken = { atMs: 0, wallMs: 0, data: { jobs: '[1]' } };
  const trace = traceOfJournal([entry, broken, { atMs: 0, wallMs: 0 }]);
  const again = parseSwf([...formatSwf(trace)].join('\n'));
  expect(again.header.startUnixSeconds).toBe(1_700_000_000);
  expect(again.jobs).toMatchObject([
    { submitSeconds: 0, waitSeconds: 101, runSeconds: 100, processors: 2, user: 'alice' },
    { submitSeconds: 301, waitSeconds: 0, runSeconds: 60, processors: 4, user: null },
  ]);
});
