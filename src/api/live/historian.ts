import type { Clock } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import { type Control, ControlError, type StatusView } from '../control.ts';
import { type History, noHistory, type Point, remember } from './history.ts';

export interface Historian {
  history(): History;
  /** Takes a point now and then until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface HistorianOptions {
  readonly control: Pick<Control, 'status'>;
  readonly clock: Clock;
  readonly log: Log;
}

export function createHistorian({ control, clock, log }: HistorianOptions): Historian {
  let history = noHistory;

  function look(): void {
    try {
      history = remember(history, pointOf(control.status()));
    } catch (error) {
      // It starts, stops or reloads: there is no point of such a moment.
      if (!(error instanceof ControlError)) log.error({ err: error }, 'no point in the history');
    }
  }

  return {
    history: () => history,
    run: async (signal) => {
      while (!signal.aborted) {
        look();
        await clock.sleep(history.fine.stepMs, signal).catch(() => {}); // aborted: the loop ends
      }
    },
  };
}

export function pointOf({ nowMs, pools, queues }: Pick<StatusView, 'nowMs' | 'pools' | 'queues'>): Point {
  return {
    atMs: nowMs,
    pools: Object.fromEntries(pools.map(({ name, states }) => [name, states])),
    queues: Object.fromEntries(
      queues.map(({ name, jobs: { waiting, running } }) => [name, { waiting, running }]),
    ),
  };
}
