import { describe, expect, test } from 'vitest';
import type { CloudInstance } from '../../src/model/cloud.ts';
import { InstanceId } from '../../src/model/ids.ts';
import { found, makeFleet, makeInstance, makeList, makeView, makeWorker, t0 } from '../support/fleetParts.ts';
import { folds, inService } from '../support/folds.ts';

const machine = makeInstance('claimed', { name: 'a' });
const notice = 'marked for termination';
const noticed = { notice };
const lists = (...rows: readonly Partial<CloudInstance>[]) =>
  folds(
    makeFleet([inService('a')]),
    ...rows.map((row, n) => {
      const atMs = t0 + n * 1000;
      const views = [makeView(atMs, { workers: [makeWorker(machine.id, 'claimed')] })];
      return [atMs, { lists: [makeList(atMs, [found(machine, row)])], views }] as const;
    }),
  );

describe('a cloud’s notice that it takes a machine back', () => {
  test('is known of the machine from then on, and the machine works on', () => {
    const change = lists({}, noticed, {});
    const entry = change.entries.get(InstanceId('a-0'));
    expect(entry?.sighting.notice).toBe(notice);
    expect(entry?.instance.phase).toBe('claimed');
  });

  test('is in the journal once, in which a plan sees that something has changed', () => {
    expect(lists({}).journal).toEqual([]);
    expect(lists(noticed).journal).toMatchObject([
      { kind: 'phase', instance: 'a-0', why: `the cloud takes it back: ${notice}`, data: { notice } },
    ]);
    expect(lists(noticed, noticed).journal).toEqual([]);
  });
});
