import type { InstanceId } from '../../src/model/ids.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import type { Store } from '../../src/store/port.ts';

export const allDays = { fromDay: 0, toDay: 1_000_000, pools: null };

/** Sums of fractions of seconds are not exact to the last bit. */
const toleranceSeconds = 1e-6;

/** All machines there have been, as they were stored last; those that have been pruned are not there any more. */
export function machinesOf(store: Store): ReadonlyMap<InstanceId, Instance> {
  const all = [...store.load().instances, ...store.endedInstances(10_000)];
  return new Map(all.filter(({ cloudId }) => cloudId !== null).map((instance) => [instance.id, instance]));
}

/**
 * Where the accounts of a site differ from the records of its machines, a line each: machines and their lives are in the sums
 * once, however the sums are told apart, and no jobs used more than there was. For a site that has pruned no machine.
 */
export function accountBreaches({
  store,
  control,
}: Pick<SimulatedSite, 'store' | 'control'>): readonly string[] {
  const machines = machinesOf(store);
  const { nowMs, rows } = control.accounting({ ...allDays, by: [] });
  const all = rows[0] ?? { machines: 0, machineSeconds: 0, coreSeconds: 0, busyCoreSeconds: 0 };
  const lived =
    [...machines.values()].reduce(
      (sum, { createdAtMs, endedAtMs }) => sum + (endedAtMs ?? nowMs) - createdAtMs,
      0,
    ) / 1000;
  const parts = control.accounting({
    ...allDays,
    by: ['user', 'group', 'pool', 'cloud', 'offer', 'day'],
  }).rows;
  const total = (amount: 'machineSeconds' | 'busyCoreSeconds') =>
    parts.reduce((sum, row) => sum + row[amount], 0);
  const differs = (a: number, b: number) => Math.abs(a - b) > toleranceSeconds;
  return [
    ...(all.machines === machines.size ? [] : [`${machines.size} machines, ${all.machines} in the accounts`]),
    ...(differs(all.machineSeconds, lived)
      ? [`machines have lived for ${lived} s, ${all.machineSeconds} s are in the accounts`]
      : []),
    ...(['machineSeconds', 'busyCoreSeconds'] as const).flatMap((amount) =>
      differs(total(amount), all[amount]) ? [`${amount}: ${all[amount]}, and ${total(amount)} in parts`] : [],
    ),
    ...(all.busyCoreSeconds > all.coreSeconds + toleranceSeconds
      ? [`jobs used ${all.busyCoreSeconds} core-seconds of ${all.coreSeconds}`]
      : []),
  ];
}
