import { usualBootMs } from '../fleet/learned.ts';
import type { IdleOutlook } from '../planner/idle.ts';
import type { CoreState } from './tick.ts';

export function idleOutlook({ idle, learned }: Pick<CoreState, 'idle' | 'learned'>): IdleOutlook {
  return { state: idle, bootMs: (offer) => usualBootMs(learned, offer) };
}
