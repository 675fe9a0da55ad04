import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixedContext } from '../../src/classad/context.ts';
import { createMatchmaker } from '../../src/matchmaker/matchmaker.ts';
import { SeatSet } from '../../src/matchmaker/slotTable.ts';
import type { Demand } from '../../src/model/demand.ts';
import { DemandId } from '../../src/model/ids.ts';
import { makeView, makeWorker } from '../support/fleetParts.ts';
import { makeJobClass, makeOffer } from '../support/siteParts.ts';
import { demandOf } from '../support/situation.ts';

const anyJob = fc.record({
  cpus: fc.constantFrom(1, 2, 4),
  memoryMiB: fc.constantFrom(512, 4096),
  requirements: fc.constantFrom(
    'TARGET.VMType == "a"',
    'TARGET.VMType == "b" && TARGET.Cpus >= RequestCpus',
    'TARGET.Memory >= RequestMemory',
    'true',
    'TARGET.Missing',
  ),
  rank: fc.constantFrom(undefined, '0', '5', 'TARGET.Cpus'),
  more: fc.constantFrom(undefined, 'WantWholeMachine = true', 'RequestCpus = TARGET.Cpus', 'Owner = "alice"'),
});
const anyOffer = fc.record({
  vmType: fc.constantFrom('a', 'b'),
  cpus: fc.constantFrom(1, 2, 8),
  memoryMiB: fc.constantFrom(1024, 8192),
  more: fc.constantFrom(
    '',
    'Requirements = TARGET.RequestCpus > 1',
    'Requirements = TARGET.Owner =?= "alice"',
    'Rank = TARGET.RequestMemory',
  ),
});

const demandsOf = (jobs: readonly { readonly cpus: number }[]): Demand[] =>
  jobs.map((job, at) => demandOf(makeJobClass(job), 1, { id: DemandId(`${at}`) }));

describe('many at once is the same as one by one', () => {
  test('offers', () => {
    fc.assert(
      fc.property(
        fc.array(anyJob, { minLength: 1, maxLength: 8 }),
        fc.array(anyOffer, { minLength: 1, maxLength: 6 }),
        (jobs, parts) => {
          const offers = parts.map((part, at) => makeOffer({ ...part, name: `o${at}` }));
          const demands = demandsOf(jobs);
          const together = createMatchmaker(offers, () => fixedContext);
          together.prepare(demands);
          const apart = createMatchmaker(offers, () => fixedContext);
          for (const demand of demands) {
            const found = together.matches(demand);
            expect([...found]).toEqual([...apart.matches(demand)]);
            for (const offer of offers)
              expect(found.has(offer.name)).toBe(apart.refusal(demand.ad, offer) === null);
          }
        },
      ),
    );
  });

  test('slots', () => {
    fc.assert(
      fc.property(
        fc.array(anyJob, { minLength: 1, maxLength: 8 }),
        fc.array(anyOffer, { minLength: 1, maxLength: 12 }),
        (jobs, parts) => {
          const workers = parts.map((part, at) => {
            const { ad, resources } = makeOffer({ ...part, name: `o${at}` });
            return makeWorker(null, 'idle', { slots: [{ ad, free: resources, partitionable: true }] });
          });
          const view = makeView(0, { demand: demandsOf(jobs), workers });
          const matchmaker = createMatchmaker([], () => fixedContext);
          const table = matchmaker.slotTable(view);
          expect(table.seats).toHaveLength(workers.length);
          const all = new SeatSet(workers.length);
          for (const at of workers.keys()) all.add(at);
          for (const demand of view.demand) {
            const found: number[] = [];
            table.forEachMatch(demand, all, (seat) => found.push(seat) > 0);
            const huge = { cpus: 1e6, memoryMiB: 1e9, diskMiB: 1e9, gpus: 0 };
            const expected = table.seats.flatMap(({ slot }, seat) =>
              matchmaker.roomOn(demand, slot, huge) > 0 ? [seat] : [],
            );
            expect(found).toEqual(expected);
          }
        },
      ),
    );
  });
});

test('matches are kept while no expression asks for the time, else for a minute', () => {
  let nowSeconds = 1000;
  const context = () => ({ ...fixedContext, nowSeconds });
  const matchmaker = createMatchmaker([makeOffer({ name: 'o' })], context);
  const steady = demandOf(makeJobClass({ name: 'steady' }), 1);
  const changing = demandOf(makeJobClass({ name: 'changing', requirements: 'time() < 1030' }), 1);
  const [kept, checked] = [matchmaker.matches(steady), matchmaker.matches(changing)];
  expect([kept.size, checked.size]).toEqual([1, 1]);
  nowSeconds += 61;
  expect(matchmaker.matches(steady)).toBe(kept);
  expect(matchmaker.matches(changing).size).toBe(0);
});

test('groups that want the same are matched once', () => {
  const matchmaker = createMatchmaker([makeOffer({ name: 'o' })], () => fixedContext);
  const { ad } = makeJobClass();
  const of = (id: string, user: string) =>
    demandOf(makeJobClass(), 1, { id: DemandId(id), wishes: 'same', user, ad });
  expect(matchmaker.matches(of('1', 'alice'))).toBe(matchmaker.matches(of('2', 'bob')));
});

test('a view keeps its table', () => {
  const matchmaker = createMatchmaker([], () => fixedContext);
  const view = makeView(0, { demand: [demandOf(makeJobClass(), 1)], workers: [makeWorker(null, 'idle')] });
  expect(matchmaker.slotTable(view)).toBe(matchmaker.slotTable(view));
});
