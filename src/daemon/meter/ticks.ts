import type { Metrics } from '../../metrics/metrics.ts';
import type { DemandId, InstanceId } from '../../model/ids.ts';
import type { Instance } from '../../model/instance.ts';
import type { Ticked } from '../ticked.ts';
import { createWaits } from './waits.ts';

/** Counts what each tick shows: machines that are made, run, join, work and end, and how long jobs waited for them. */
export function createTickMeter(metrics: Metrics): (ticked: Ticked) => void {
  const waits = createWaits();
  /** Since when the job waited that a machine was launched for; until it is Busy or has ended. */
  const waitingSince = new Map<InstanceId, number>();

  function noteLaunches({ input, result }: Ticked): void {
    const ofDemand = new Map<DemandId, Instance[]>();
    for (const instance of result.launched) {
      const { cause } = instance;
      if (cause.kind !== 'demand') continue;
      const same = ofDemand.get(cause.demand) ?? [];
      same.push(instance);
      ofDemand.set(cause.demand, same);
    }
    for (const [demand, machines] of ofDemand) {
      const report = result.plan.demand.find((one) => one.demand === demand);
      if (report === undefined) continue;
      // Workers and machines on their way are for those that wait longest.
      const { onWorkers, onUndrained, onComing, onLaunches } = report;
      const first = onWorkers + onUndrained + onComing;
      for (const [nth, { id, pool, cloud }] of machines.entries()) {
        const place = first + Math.floor((nth * onLaunches) / machines.length);
        const sinceMs = waits.sinceMs(demand, place);
        if (sinceMs === null) continue;
        waitingSince.set(id, sinceMs);
        metrics.observe('jobToCreate', { pool, cloud }, (input.nowMs - sinceMs) / 1000);
      }
    }
  }

  function noteChange(is: Instance, was: Instance | undefined): void {
    const { id, pool, cloud, offer } = is;
    const sinceMs = waitingSince.get(id) ?? null;
    if (is.cloudId !== null && (was === undefined || was.cloudId === null))
      metrics.add('launched', { pool, cloud, offer });
    // What was not made by us was not launched when its record was.
    if (was !== undefined && is.runningAtMs !== null && was.runningAtMs === null)
      metrics.observe('bootTime', { cloud, offer }, (is.runningAtMs - is.createdAtMs) / 1000);
    if (was !== undefined && is.joinedAtMs !== null && was.joinedAtMs === null) {
      if (is.runningAtMs !== null)
        metrics.observe('joinTime', { cloud, offer }, (is.joinedAtMs - is.runningAtMs) / 1000);
      if (sinceMs !== null) metrics.observe('jobToFree', { pool, cloud }, (is.joinedAtMs - sinceMs) / 1000);
    }
    const isBusy = is.phase === 'claimed' || is.phase === 'leased';
    if (isBusy && sinceMs !== null) {
      metrics.observe('jobToBusy', { pool, cloud }, (is.phaseSinceMs - sinceMs) / 1000);
      waitingSince.delete(id);
    }
    if (is.phase === 'ended') {
      waitingSince.delete(id);
      if (was?.phase !== 'ended') metrics.add('ended', { pool, cloud, reason: is.endReason ?? 'lost' });
    }
  }

  return (ticked) => {
    const { before, input, result, tookMs } = ticked;
    metrics.observe('tickDuration', {}, tookMs / 1000);
    for (const view of input.views) waits.see(view);
    noteLaunches(ticked);
    for (const is of result.batch?.instances ?? []) noteChange(is, before.fleet.entries.get(is.id)?.instance);
  };
}
