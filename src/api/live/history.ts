import type { StateCounts } from '../poolStatus.ts';

/**
 * How machines and jobs were over time: a point every few seconds of the last hour, one a minute of the last day. In memory alone: it
 * begins when the daemon does. Times are daemon time, so a wall clock that steps moves no point.
 */
export interface History {
  readonly fine: Series;
  readonly coarse: Series;
}

export const historySteps = ['fine', 'coarse'] as const;
export type HistoryStep = (typeof historySteps)[number];

export interface Series {
  readonly stepMs: number;
  readonly pointsMax: number;
  /** Oldest first, at most one in a step. */
  readonly points: readonly Point[];
}

/** As it was at one moment. */
export interface Point {
  readonly atMs: number;
  readonly pools: Readonly<Record<string, StateCounts>>;
  readonly queues: Readonly<Record<string, JobCounts>>;
}

export interface JobCounts {
  readonly waiting: number;
  readonly running: number;
}

export const noHistory: History = {
  fine: { stepMs: 10_000, pointsMax: 360, points: [] },
  coarse: { stepMs: 60_000, pointsMax: 1_440, points: [] },
};

export function remember(history: History, point: Point): History {
  return { fine: append(history.fine, point), coarse: append(history.coarse, point) };
}

/** The first point of each step is kept. */
function append(series: Series, point: Point): Series {
  const { stepMs, pointsMax, points } = series;
  const last = points.at(-1);
  if (last !== undefined && stepOf(point.atMs, stepMs) <= stepOf(last.atMs, stepMs)) return series;
  return { ...series, points: [...points.slice(-(pointsMax - 1)), point] };
}

const stepOf = (atMs: number, stepMs: number) => Math.floor(atMs / stepMs);

/** The same by columns: a number for each point, 0 where the pool or queue was not there. */
export interface HistoryView {
  readonly nowMs: number;
  readonly stepMs: number;
  readonly atMs: readonly number[];
  readonly pools: Readonly<Record<string, Readonly<Record<keyof StateCounts, readonly number[]>>>>;
  readonly queues: Readonly<Record<string, Readonly<Record<keyof JobCounts, readonly number[]>>>>;
}

export interface HistoryQuery {
  readonly nowMs: number;
  /** Only what is later. */
  readonly sinceMs: number;
  readonly seesPool: (name: string) => boolean;
  readonly seesQueue: (name: string) => boolean;
}

export function viewOf({ stepMs, points: all }: Series, query: HistoryQuery): HistoryView {
  const points = all.filter(({ atMs }) => atMs > query.sinceMs);
  const poolNames = namesIn(points.map(({ pools }) => pools)).filter(query.seesPool);
  const queueNames = namesIn(points.map(({ queues }) => queues)).filter(query.seesQueue);
  const ofPool = (name: string, state: keyof StateCounts) =>
    points.map(({ pools }) => pools[name]?.[state] ?? 0);
  const ofQueue = (name: string, kind: keyof JobCounts) =>
    points.map(({ queues }) => queues[name]?.[kind] ?? 0);
  return {
    nowMs: query.nowMs,
    stepMs,
    atMs: points.map(({ atMs }) => atMs),
    pools: Object.fromEntries(
      poolNames.map((name) => [
        name,
        { Free: ofPool(name, 'Free'), Busy: ofPool(name, 'Busy'), Unusable: ofPool(name, 'Unusable') },
      ]),
    ),
    queues: Object.fromEntries(
      queueNames.map((name) => [
        name,
        { waiting: ofQueue(name, 'waiting'), running: ofQueue(name, 'running') },
      ]),
    ),
  };
}

function namesIn(records: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  return [...new Set(records.flatMap(Object.keys))].toSorted();
}
