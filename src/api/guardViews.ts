import type { JobExplanation, StatusView } from './control.ts';
import type { DowntimeList, DowntimeView } from './downtimes.ts';
import type { BudgetView } from './money.ts';
import type { PlanView } from './plan.ts';

/**
 * Views of some pools of a site. What is of another pool, of another pool's queue or of the whole site's money is left out;
 * how the clouds do concerns everybody who has a machine there.
 */
type IsOurs = (pool: string) => boolean;

export function statusWithin(view: StatusView, isOurs: IsOurs): StatusView {
  const pools = view.pools.filter(({ name }) => isOurs(name));
  const queues = new Set(pools.map(({ queue }) => queue));
  const { spending, budgets } = view.money;
  return {
    ...view,
    pools,
    queues: view.queues.filter(({ name }) => queues.has(name)),
    clouds: view.clouds.map((cloud) => ({ ...cloud, quota: null, setAside: [] })),
    money: {
      spending: spending.filter(({ kind, name }) => kind === 'pool' && name !== null && isOurs(name)),
      budgets: budgets.filter(ofPool(isOurs)),
      unpriced: 0,
      losses: [],
    },
    observe: null,
    alarms: [],
    downtimes: view.downtimes.filter(downtimeOf(isOurs)),
  };
}

export function planWithin(view: PlanView, status: StatusView, isOurs: IsOurs): PlanView {
  const queues = new Set(status.pools.flatMap(({ name, queue }) => (isOurs(name) ? [queue] : [])));
  const ofOurs = ({ pool }: { readonly pool: string }) => isOurs(pool);
  return {
    ...view,
    launches: view.launches.filter(ofOurs),
    drains: view.drains.filter(ofOurs),
    undrains: view.undrains.filter(ofOurs),
    terminations: view.terminations.filter(ofOurs),
    demand: view.demand.filter(({ queue }) => queues.has(queue)),
    budgets: view.budgets.filter(ofPool(isOurs)),
    observe: null,
  };
}

/** Null: no pool of these could have served it. */
export function jobWithin(view: JobExplanation, isOurs: IsOurs): JobExplanation | null {
  const pools = view.pools.filter(({ pool }) => isOurs(pool));
  if (pools.length === 0) return null;
  return { ...view, pools, offers: view.offers.filter(({ pool }) => isOurs(pool)) };
}

export function downtimesWithin(list: DowntimeList, isOurs: IsOurs): DowntimeList {
  return { ...list, downtimes: list.downtimes.filter(downtimeOf(isOurs)) };
}

function ofPool(isOurs: IsOurs) {
  return ({ kind, name }: BudgetView) => kind === 'pool' && name !== null && isOurs(name);
}

/** A downtime of a cloud or of the site stops machines of every pool. */
function downtimeOf(isOurs: IsOurs) {
  return ({ pool }: DowntimeView) => pool === null || isOurs(pool);
}
