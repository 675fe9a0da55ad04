import { ControlError } from '../api/control.ts';
import type { PoolReceipt } from '../api/poolStatus.ts';
import type { Pool } from '../model/offer.ts';
import type { PoolOrder } from '../model/poolOrder.ts';
import type { DaemonView } from './control.ts';
import { poolStatus, poolsOf } from './views.ts';

/** Takes effect with the tick that stores it: what is planned from then on keeps to it. */
export function adjustPool(view: DaemonView, order: PoolOrder): PoolReceipt {
  const configured = view.site.pools.get(order.pool);
  if (configured === undefined) throw new ControlError('unknownPool', `there is no pool ${order.pool}`);
  if (view.stopping()) throw new ControlError('notReady', 'the daemon stops');
  if (order.kind === 'scale') checkBounds(view, configured, order);
  const before = view.state().poolSettings;
  view.runTick({ poolOrders: [order] });
  const pool = poolsOf(view).get(order.pool) ?? configured;
  const changed = view.state().poolSettings !== before;
  return { nowMs: view.now(), pool: poolStatus(view, pool), changed, next: whatFollows(order, pool) };
}

function checkBounds(view: DaemonView, pool: Pool, order: Extract<PoolOrder, { kind: 'scale' }>): void {
  const was = view.state().poolSettings.get(pool.name) ?? { min: null, max: null };
  const { min = was.min, max = was.max } = order;
  const bounds = { min: min ?? pool.min, max: max ?? pool.max };
  if (bounds.min > bounds.max)
    throw new ControlError('refused', `pool ${pool.name}: min ${bounds.min} is above max ${bounds.max}`, {
      reason: 'bounds',
    });
}

function whatFollows({ kind }: PoolOrder, { min, max }: Pool): string {
  switch (kind) {
    case 'pause':
      return 'it takes no new machines until it is resumed; those that it has go on';
    case 'resume':
      return 'it takes new machines again';
    case 'scale':
      return `it has ${min} to ${max} machines; what is too many is drained when it has no job`;
  }
}
