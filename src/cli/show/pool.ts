import type { PoolReceipt } from '../../api/poolStatus.ts';
import { printable } from '../table.ts';

export function renderPoolChange({ pool, changed, next }: PoolReceipt): readonly string[] {
  const { name, paused, scaled, min, max } = pool;
  const marks = [...(paused ? ['paused'] : []), ...(scaled ? ['scaled by hand'] : [])];
  const now = [`min ${min}`, `max ${max}`, ...marks].join(', ');
  return [printable(`pool ${name}${changed ? '' : ' already'}: ${now}; ${next}`)];
}
