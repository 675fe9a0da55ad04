import { expect, test } from 'vitest';
import type { InstanceEvent, InstanceEventKind } from '../../src/fleet/event.ts';
import { step } from '../../src/fleet/step.ts';
import { type Phase, phases } from '../../src/model/instance.ts';
import { found, makeEntry, makeInstance, makeWorker, stepContext, t0 } from '../support/fleetParts.ts';

const nowMs = t0 + 30_000;

/** One of each event, as it mostly comes. */
function eventFor(phase: Phase, kind: InstanceEventKind): InstanceEvent {
  const instance = makeInstance(phase);
  const takenAtMs = nowMs - 1000;
  switch (kind) {
    case 'accepted':
      return { kind, found: found(instance, { state: 'pending' }) };
    case 'listed':
      return { kind, found: found(instance), takenAtMs };
    case 'unlisted':
      return { kind, takenAtMs, mass: false };
    case 'workerSeen':
      return { kind, worker: makeWorker(instance.id, 'claimed'), takenAtMs };
    case 'workerUnseen':
      return { kind, takenAtMs };
    case 'drain':
      return { kind, reason: 'idle' };
    case 'terminate':
      return { kind, reason: 'operator' };
    case 'absent':
      return { kind, askedAtMs: takenAtMs };
    case 'refused':
    case 'inDoubt':
    case 'gone':
    case 'undrain':
    case 'undrained':
    case 'tick':
      return { kind };
  }
}

/** The phase that follows, by phase and event. `-`: it stays; `!`: illegal. */
const table = `
phase        accepted  refused  inDoubt  absent  listed    unlisted  gone   workerSeen  workerUnseen  drain        undrain  undrained  terminate    tick
requested    building  ended    unknown  !       joining   -         !      -           -             -            -        -          -            -
unknown      building  ended    -        ended   joining   -         !      -           -             -            -        -          -            -
building     -         !        -        -       joining   -         ended  claimed     -             -            -        -          terminating  -
joining      -         !        -        -       -         -         ended  claimed     -             -            -        -          terminating  -
idle         -         !        -        -       -         -         ended  claimed     -             draining     -        -          terminating  -
claimed      -         !        -        -       -         -         ended  -           -             draining     -        -          terminating  -
leased       -         !        -        -       -         -         ended  -           -             draining     -        -          terminating  -
draining     -         !        -        -       -         -         ended  -           -             -            -        -          terminating  -
unreachable  -         !        -        -       -         -         ended  claimed     -             terminating  -        -          terminating  -
failed       -         !        -        -       -         -         ended  -           -             terminating  -        -          terminating  -
terminating  -         !        -        -       -         -         ended  -           -             -            -        -          -            -
ended        -         -        -        -       -         -         -      -           -             -            -        -          -            -
`;
const [head = [], ...rows] = table
  .trim()
  .split('\n')
  .map((line) => line.split(/\s+/));
const cells = rows.flatMap(([phase, ...row]) =>
  row.map((expected, at) => [phase as Phase, head[at + 1] as InstanceEventKind, expected] as const),
);

test('the table has every phase', () => {
  expect(rows.map(([phase]) => phase)).toEqual(phases);
});

test.each(cells)('%s, %s → %s', (phase, kind, expected) => {
  const entry = makeEntry(makeInstance(phase));
  const { entry: after, anomaly } = step(entry, eventFor(phase, kind), stepContext(nowMs));
  if (expected === '!') {
    expect(anomaly).toBe(`event ${kind} in phase ${phase}`);
    expect(after).toBe(entry);
  } else {
    expect(anomaly).toBeNull();
    expect(after.instance.phase).toBe(expected === '-' ? phase : expected);
  }
});
