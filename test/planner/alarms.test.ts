import { describe, expect, test } from 'vitest';
import { DemandId, InstanceId, JobId, OfferName } from '../../src/model/ids.ts';
import { type AlarmInput, isRaised, raiseAlarms } from '../../src/planner/alarms.ts';
import { windowsOf } from '../../src/planner/downtimes.ts';
import { launchesLeft, noteLaunches } from '../../src/planner/launchRate.ts';
import { offerKey, type SetAside } from '../../src/planner/setAside.ts';
import { makeView } from '../support/fleetParts.ts';
import { batchQueue, makeJobClass, makePool } from '../support/siteParts.ts';
import { cloud, decide, demandOf, launched, nowMs, pool } from '../support/situation.ts';

const minute = 60_000;
const key = offerKey(OfferName('small'));
const failing = (failures: number): SetAside => ({
  key,
  reason: 'bootFailed',
  message: 'i-1 did not become usable',
  failures,
  sinceMs: nowMs,
  untilMs: nowMs + minute,
  probe: null,
});
const input = (over: Partial<AlarmInput> = {}): AlarmInput => ({
  nowMs,
  setAsides: new Map(),
  alarmAfter: 3,
  clouds: new Map(),
  queues: new Map(),
  downtimes: { windows: [], longestJobs: new Map(), drainAheadMs: 0 },
  blackHoles: [],
  atLaunchRate: [],
  ...over,
});

describe('alarms', () => {
  test('jobs themselves: one alarm of a kind for each queue', () => {
    const odd = demandOf(makeJobClass(), 2, { remarks: ['VMMemory is not a word that is known'] });
    const credentials = { ended: 1, ending: 2, nextSeconds: 5, users: ['ann'] };
    const view = makeView(nowMs, { demand: [odd, { ...odd, id: DemandId('other') }], credentials });
    const unfit = { jobs: 4, groups: 2, sample: JobId('7.0'), why: 'TARGET.X is false' };
    const queues = new Map([[batchQueue, { view, trouble: null, isNew: true, unfit }]]);
    const raised = [...raiseAlarms(new Map(), input({ queues })).values()];
    expect(raised.map(({ kind, why }) => [kind, why])).toEqual([
      ['unfit', 'queue batch: 4 waiting jobs of 2 kinds fit no offer and no worker; 7.0: TARGET.X is false'],
      [
        'jobWords',
        `queue batch: ${odd.sampleJobs[0]}: VMMemory is not a word that is known; and 1 more kinds of jobs`,
      ],
      ['credentialEnds', 'queue batch: the credentials of 2 jobs end soon and those of 1 have ended (ann)'],
    ]);
    const calm = { view: makeView(nowMs), trouble: null, isNew: true, unfit: null };
    expect(raiseAlarms(new Map(), input({ queues: new Map([[batchQueue, calm]]) })).size).toBe(0);
  });

  test('an offer that fails again and again, from the configured number of failures on', () => {
    const raisedAfter = (failures: number) => [
      ...raiseAlarms(new Map(), input({ setAsides: new Map([[key, failing(failures)]]) })).values(),
    ];
    expect(raisedAfter(2)).toEqual([]);
    expect(raisedAfter(3)).toMatchObject([{ kind: 'offerFails', sinceMs: nowMs }]);
  });

  test('one that goes on keeps its beginning, and is over when its cause is', () => {
    const first = raiseAlarms(new Map(), input({ setAsides: new Map([[key, failing(3)]]) }));
    const later = raiseAlarms(
      first,
      input({ nowMs: nowMs + minute, setAsides: new Map([[key, failing(4)]]) }),
    );
    expect([...later.values()]).toMatchObject([{ sinceMs: nowMs }]);
    expect(raiseAlarms(later, input({ nowMs: nowMs + 2 * minute })).size).toBe(0);
  });

  test('a black hole is told of for a day, a suspect until a view shows otherwise', () => {
    const about = { pool: pool.name, offer: OfferName('small'), offerWorks: true, why: 'it takes none' };
    const blackHoles = [
      { ...about, instance: InstanceId('a-0'), kind: 'takesNone' as const },
      { ...about, instance: InstanceId('b-0'), kind: 'suspect' as const },
    ];
    const raised = raiseAlarms(new Map(), input({ blackHoles }));
    const kinds = (over: Partial<AlarmInput>) =>
      [...raiseAlarms(raised, input(over)).values()].map(({ kind }) => kind);
    expect(kinds({ blackHoles: null })).toEqual(['blackHole', 'suspect']);
    expect(kinds({ blackHoles: [] })).toEqual(['blackHole']);
    expect(kinds({ blackHoles: [], nowMs: nowMs + 1440 * minute })).toEqual([]);
  });

  test('a cloud that is silent for long, unless it has a downtime', () => {
    const clouds = new Map([[cloud().name, { ...cloud(), trouble: 'last seen 90 s ago' }]]);
    const [alarm] = raiseAlarms(new Map(), input({ clouds })).values();
    expect(alarm).toMatchObject({ kind: 'cloudSilent' });
    if (alarm === undefined) return;
    expect(isRaised(alarm, nowMs + 14 * minute)).toBe(false);
    expect(isRaised(alarm, nowMs + 15 * minute)).toBe(true);
    const downtime = {
      id: 'd1',
      scope: { kind: 'cloud', cloud: cloud().name } as const,
      fromWallMs: nowMs - minute,
      toWallMs: nowMs + minute,
      reason: 'works',
      force: false,
      drainAheadMs: null,
    };
    const windows = windowsOf([downtime], { nowMs, wallMs: nowMs });
    const downtimes = { windows, longestJobs: new Map(), drainAheadMs: 0 };
    expect(raiseAlarms(new Map(), input({ clouds, downtimes })).size).toBe(0);
  });
});

describe('launches of a pool in an hour', () => {
  const of = (count: number) => Array.from({ length: count }, () => ({ pool: pool.name }));

  test('are bounded as the config says, by default generously', () => {
    const limited = makePool({ offers: ['small'], max: 100, launchesPerHour: 12 });
    const counts = noteLaunches(new Map(), of(10), nowMs - 30 * minute);
    expect(launchesLeft(limited, counts, nowMs)).toBe(2);
    expect(launchesLeft(makePool({ offers: ['small'], max: 5 }), counts, nowMs)).toBe(50);
    expect(launchesLeft(makePool({ offers: ['small'], max: 100 }), counts, nowMs)).toBe(990);
    const decided = decide({ pools: [limited], demand: [demandOf(makeJobClass(), 9)], launchCounts: counts });
    expect(launched(decided)).toEqual(['pool/small ×2 demand']);
    expect(decided.demand).toMatchObject([{ unmet: 7, shortage: { code: 'launchRate' } }]);
  });

  test('are forgotten when they are an hour old, and take little room', () => {
    let counts = noteLaunches(new Map(), [], nowMs);
    for (let n = 0; n < 500; n++) counts = noteLaunches(counts, of(1), nowMs + n * minute);
    expect(counts.get(pool.name)?.length).toBeLessThanOrEqual(14);
    expect(
      launchesLeft(makePool({ offers: ['small'], launchesPerHour: 100 }), counts, nowMs + 700 * minute),
    ).toBe(100);
  });
});
