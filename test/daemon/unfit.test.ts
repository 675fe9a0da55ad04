import { describe, expect, test } from 'vitest';
import { withAttributes } from '../../src/classad/ad.ts';
import { fixedContext } from '../../src/classad/context.ts';
import type { DaemonParts } from '../../src/daemon/daemonParts.ts';
import { createTimeline } from '../../src/daemon/timeline.ts';
import { watchUnfit } from '../../src/daemon/unfit.ts';
import { createMatchmaker } from '../../src/matchmaker/matchmaker.ts';
import type { Demand } from '../../src/model/demand.ts';
import { QueueError } from '../../src/model/errors.ts';
import { InstanceId, JobId } from '../../src/model/ids.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { Log } from '../../src/model/log.ts';
import { noResources } from '../../src/model/resources.ts';
import type { DemandReport } from '../../src/planner/plan.ts';
import { createVirtualClock } from '../../src/simulate/virtualClock.ts';
import { makeView, makeWorker } from '../support/fleetParts.ts';
import { startSite } from '../support/scenes.ts';
import { batchQueue, makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';
import { demandOf } from '../support/situation.ts';

const minute = 60_000;
const gpu: Demand = {
  ...demandOf(makeJobClass({ vmType: 'gpu' }), 3),
  sampleJobs: ['s#1.0', 's#1.1', 's#1.2'].map(JobId),
};

function bench(options: { holdUnfitAfterMs?: number | null; mode?: 'act' | 'observe' } = {}) {
  const clock = createVirtualClock();
  const offer = makeOffer({ name: 'small' });
  const matchmaker = createMatchmaker([offer], () => fixedContext);
  const held: (readonly [readonly string[], string])[] = [];
  const said: string[] = [];
  const notes: JournalEntry[] = [];
  const state = {
    view: makeView(0, { demand: [gpu] }),
    code: 'noOffer' as 'noOffer' | 'quota' | null,
    refuses: false,
  };
  const log: Log = {
    debug: () => {},
    info: () => {},
    warn: (_fields, message) => void said.push(message),
    error: () => {},
    child: () => log,
  };
  const parts = {
    clock,
    log,
    config: { pools: [makePool({ offers: ['small'] })], mode: options.mode ?? 'act' },
    queues: [
      {
        config: { name: batchQueue, deadlineMs: 1000, holdUnfitAfterMs: options.holdUnfitAfterMs ?? null },
        queue: {
          hold: async (jobs: readonly JobId[], why: string) => {
            if (state.refuses) throw new QueueError('denied', 'no');
            held.push([jobs, why]);
          },
        },
      },
    ],
  } as unknown as DaemonParts;
  const watch = watchUnfit({
    parts,
    site: { matchmaker, offers: new Map([[offer.name, offer]]) },
    timeline: createTimeline(clock, null),
    viewOf: () => state.view,
    reports: () =>
      state.code === null
        ? []
        : [{ demand: gpu.id, queue: batchQueue, shortage: { code: state.code, why: '' } } as DemandReport],
    note: (entry) => notes.push(entry),
  });
  void watch.run(new AbortController().signal);
  return {
    state,
    held,
    said,
    notes,
    of: () => watch.of(batchQueue),
    pass: (ms: number) => clock.advance(ms),
  };
}

const clause = 'TARGET.VMType == "gpu" is false (offer small)';

describe('jobs that nothing fits', () => {
  test('are told of when it has been so for ten minutes', async () => {
    const { of, pass } = bench();
    await pass(10 * minute);
    expect(of()).toBeNull();
    await pass(minute);
    expect(of()).toEqual({ jobs: 3, groups: 1, sample: 's#1.0', why: clause });
  });

  test('are none where an offer came meanwhile, or it is the quota that lacks', async () => {
    const { of, pass, state } = bench();
    await pass(9 * minute);
    state.code = 'quota';
    await pass(minute);
    state.code = 'noOffer';
    await pass(9 * minute);
    expect(of()).toBeNull();
    await pass(3 * minute);
    expect(of()).not.toBeNull();
    state.code = null;
    await pass(minute);
    expect(of()).toBeNull();
  });

  test('are none where a worker that is busy now will take them', async () => {
    const { of, pass, state, held } = bench({ holdUnfitAfterMs: 10 * minute });
    const worker = makeWorker(InstanceId('a-0'), 'claimed');
    const [slot] = worker.slots;
    if (slot === undefined) throw new Error('no slot');
    const busy = { ...slot, ad: withAttributes(slot.ad, { VMType: 'gpu' }), free: noResources };
    state.view = makeView(0, { demand: [gpu], workers: [{ ...worker, slots: [busy] }] });
    await pass(60 * minute);
    expect([of(), held]).toEqual([null, []]);
  });

  test('are held after the time that the config says, with the reason, until none is left', async () => {
    const { pass, state, held, notes } = bench({ holdUnfitAfterMs: 30 * minute });
    await pass(29 * minute);
    expect(held).toEqual([]);
    await pass(2 * minute);
    expect(held[0]).toEqual([['s#1.0', 's#1.1', 's#1.2'], `Spillway: no machine fits this job: ${clause}`]);
    expect(notes[0]).toMatchObject({ kind: 'jobs', why: `s#1.0 and 2 more held: ${clause}` });
    state.view = makeView(0);
    state.code = null;
    const before = held.length;
    await pass(30 * minute);
    expect(held).toHaveLength(before);
  });

  test('are not held where the site only observes, or nobody asked for it', async () => {
    const observing = bench({ holdUnfitAfterMs: 10 * minute, mode: 'observe' });
    const silent = bench();
    await observing.pass(60 * minute);
    await silent.pass(60 * minute);
    expect([...observing.held, ...silent.held]).toEqual([]);
  });

  test('a queue that will not hold them is told of once, and asked again', async () => {
    const { pass, state, held, said } = bench({ holdUnfitAfterMs: 10 * minute });
    state.refuses = true;
    await pass(20 * minute);
    expect(said).toEqual(['jobs cannot be held']);
    state.refuses = false;
    await pass(minute);
    expect(held.length).toBeGreaterThan(0);
  });

  test('are an alarm of the site, until something fits', async () => {
    const site = startSite();
    const [job] = site.queue.submit(makeJobClass({ vmType: 'gpu' }), { count: 2, runMs: 1000 });
    await site.run(9 * minute);
    expect(site.status().alarms).toEqual([]);
    await site.run(4 * minute);
    const [alarm, ...others] = site.status().alarms;
    expect(others).toEqual([]);
    expect(alarm).toMatchObject({ kind: 'unfit' });
    expect(alarm?.why).toContain(`2 waiting jobs fit no offer and no worker; ${job?.id}: TARGET.VMType`);
    for (const one of site.queue.jobs.slice()) site.queue.removeJob(one);
    await site.run(2 * minute);
    expect(site.status().alarms).toEqual([]);
  });
});
