import type { ObserveView, WouldBeMachines } from '../api/observe.ts';
import type { ObservePlan } from '../api/plan.ts';
import { type Plan, type PlanInput, plan } from '../planner/plan.ts';
import type { DaemonView } from './control.ts';
import { describeCause } from './openIntent.ts';
import { costOf, shadowInput, wouldDo } from './shadow.ts';

/** What has been decided and not done; null where everything is done. */
export function observeView(view: DaemonView): ObserveView | null {
  const { observed } = view.site;
  if (observed == null) return null;
  const { sinceMs, machines, booted, spent } = view.state().shadow;
  const nowMs = view.now();
  const groups = new Map<string, WouldBeMachines>();
  const sums = new Map([...spent].map(([currency, soFar]) => [currency, { soFar, perHour: 0 }]));
  for (const machine of machines.values()) {
    const { pool, offer, cloud, terms } = machine;
    const key = `${pool} ${offer}`;
    groups.set(key, { pool, offer, cloud, count: (groups.get(key)?.count ?? 0) + 1 });
    const cost = costOf(machine, nowMs);
    if (cost === null) continue;
    const { soFar, perHour } = sums.get(cost.currency) ?? { soFar: 0, perHour: 0 };
    const rate = terms.price?.perHour ?? 0;
    sums.set(cost.currency, { soFar: soFar + cost.amount, perHour: perHour + rate });
  }
  return {
    sinceMs,
    site: observed.site,
    clouds: [...observed.clouds],
    pools: [...observed.pools],
    booted,
    machines: [...groups.values()],
    cost: [...sums].map(([currency, sum]) => ({ currency, ...sum })),
  };
}

/** The same with what would be done now beyond it: a dry run of the shadow's plan. */
export function observePlan(view: DaemonView, input: PlanInput): ObservePlan | null {
  const observed = observeView(view);
  if (observed === null) return null;
  const { launches, drains } = wouldDo(plan(shadowInput(input, view.state().shadow)), input);
  const poolOf = (id: Plan['drains'][number]['instance']) => input.fleet.entries.get(id)?.instance.pool ?? '';
  return {
    ...observed,
    launches: launches.map(({ pool, offer, cloud, count, cause }) => ({
      pool,
      offer,
      cloud,
      count,
      why: describeCause({ cause }),
      demand: cause.kind === 'demand' ? cause.demand : null,
    })),
    drains: drains.map(({ instance, why }) => ({ instance, pool: poolOf(instance), why })),
  };
}
