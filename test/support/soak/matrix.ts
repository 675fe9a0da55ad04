import { applicableBoundaries, type BoundaryName } from '../../../src/daemon/boundaries.ts';
import { type FaultKind, faultKinds } from '../../../src/simulate/faultProfile.ts';
import type { Visit } from './run.ts';

/** How often the daemon has died at each boundary while each fault was in force somewhere at its site. */
export interface Matrix {
  add(visits: readonly Visit[]): void;
  deaths(boundary: BoundaryName): number;
  visits(boundary: BoundaryName, fault: FaultKind): number;
  /** Pairs that nothing came by. */
  unvisited(): readonly string[];
  /** A table for people: a row for each boundary, a column for each fault. */
  lines(): readonly string[];
  data(): Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** From so many seeds on in a row, each pair has been aimed at eight times: then none may be without a visit. */
export const fullRunSeeds = 8 * applicableBoundaries.length * faultKinds.length;

export function createMatrix(): Matrix {
  const counts = new Map<string, number>();
  const add = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  const boundaries = applicableBoundaries.map(({ name }) => name);
  const visits = (boundary: BoundaryName, fault: FaultKind) => counts.get(`${boundary} ${fault}`) ?? 0;
  const deaths = (boundary: BoundaryName) => counts.get(boundary) ?? 0;
  return {
    add: (all) => {
      for (const { boundary, faults } of all) {
        add(boundary);
        for (const fault of faults) add(`${boundary} ${fault}`);
      }
    },
    deaths,
    visits,
    unvisited: () =>
      boundaries.flatMap((boundary) =>
        faultKinds.filter((fault) => visits(boundary, fault) === 0).map((fault) => `${boundary} × ${fault}`),
      ),
    lines: () => {
      const head = ['deaths', ...faultKinds.map((_, at) => `f${at + 1}`)];
      const rows = boundaries.map((boundary) => [
        deaths(boundary),
        ...faultKinds.map((fault) => visits(boundary, fault)),
      ]);
      const width = 1 + Math.max(6, ...rows.flat().map((count) => String(count).length));
      const line = (name: string, cells: readonly (number | string)[]) =>
        name.padEnd(22) + cells.map((cell, at) => String(cell).padStart(at === 0 ? 8 : width - 1)).join('');
      return [
        faultKinds.map((fault, at) => `f${at + 1} ${fault}`).join(', '),
        line('', head),
        ...rows.map((row, at) => line(boundaries[at] ?? '', row)),
      ];
    },
    data: () =>
      Object.fromEntries(
        boundaries.map((boundary) => [
          boundary,
          {
            deaths: deaths(boundary),
            ...Object.fromEntries(faultKinds.map((fault) => [fault, visits(boundary, fault)])),
          },
        ]),
      ),
  };
}
