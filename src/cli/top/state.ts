import type { LiveDemand, LiveFrame, LiveInstance } from '../../api/live/frame.ts';
import type { HistoryView } from '../../api/live/history.ts';

/** What `top` knows of the site. */
export interface TopState {
  readonly frame: LiveFrame | null;
  readonly instances: ReadonlyMap<string, LiveInstance>;
  readonly demand: LiveDemand | null;
  readonly curves: Curves;
  /** Why nothing new comes; null while it does. */
  readonly trouble: string | null;
}

/** Oldest first, a value for each step. */
export interface Curves {
  readonly stepMs: number;
  readonly lastAtMs: number;
  readonly waiting: readonly number[];
  readonly machines: readonly number[];
}

/** An hour of steps of 10 s. */
const valuesMax = 360;

export const emptyTop: TopState = {
  frame: null,
  instances: new Map(),
  demand: null,
  curves: { stepMs: 10_000, lastAtMs: 0, waiting: [], machines: [] },
  trouble: null,
};

export function withHistory(state: TopState, view: HistoryView): TopState {
  const sum = (rows: readonly (readonly number[])[], at: number) =>
    rows.reduce((total, row) => total + (row[at] ?? 0), 0);
  const queues = Object.values(view.queues).map(({ waiting }) => waiting);
  const pools = Object.values(view.pools).flatMap(({ Free, Busy, Unusable }) => [Free, Busy, Unusable]);
  const curves = {
    stepMs: view.stepMs,
    lastAtMs: view.atMs.at(-1) ?? 0,
    waiting: view.atMs.map((_, at) => sum(queues, at)),
    machines: view.atMs.map((_, at) => sum(pools, at)),
  };
  return { ...state, curves };
}

export function withFrame(state: TopState, frame: LiveFrame): TopState {
  const { whole, put, gone } = frame.instances;
  const instances = new Map(whole ? [] : state.instances);
  for (const one of put) instances.set(one.id, one);
  for (const id of gone) instances.delete(id);
  return {
    frame,
    instances,
    demand: frame.demand ?? state.demand,
    curves: withPoint(state.curves, frame, instances.size),
    trouble: null,
  };
}

function withPoint(curves: Curves, { status }: LiveFrame, machines: number): Curves {
  if (status.nowMs < curves.lastAtMs + curves.stepMs) return curves;
  const waiting = status.queues.reduce((sum, { jobs }) => sum + jobs.waiting, 0);
  return {
    stepMs: curves.stepMs,
    lastAtMs: status.nowMs,
    waiting: [...curves.waiting, waiting].slice(-valuesMax),
    machines: [...curves.machines, machines].slice(-valuesMax),
  };
}
