import type { Observing } from '../api/observing.ts';
import type { DaemonView } from './control.ts';
import { createReadiness, healthOf } from './health.ts';
import { showGauges } from './meter/gauges.ts';
import { createTickMeter } from './meter/ticks.ts';

/** Where nobody counts, there are no metrics: the answer is empty. */
export function createObserving(view: DaemonView): Observing {
  const { metrics } = view.parts;
  if (metrics !== undefined) view.bell.listen(createTickMeter(metrics));
  return {
    metrics: async () => {
      if (metrics === undefined) return '';
      showGauges(view, metrics);
      return metrics.text();
    },
    health: () => healthOf(view),
    readiness: createReadiness(view),
    onJournal: (listener) =>
      view.bell.listen(({ result }) => {
        if ((result.batch?.journal.length ?? 0) > 0) listener();
      }),
  };
}
