import type { LeaseAnswer } from '../../api/schema/leases.ts';
import { renderTable, type Style } from '../table.ts';

/** A line for each lease, in the order of asking. */
export function renderLeases(
  { leases }: { readonly leases: readonly LeaseAnswer[] },
  style: Style,
): readonly string[] {
  if (leases.length === 0) return ['no lease is asked for or held'];
  const columns = ['LEASE', 'POOL', 'USER', 'STATE', 'INSTANCE', 'FOR'].map((header) => ({ header }));
  const rows = leases.map(({ lease, ahead }) => [
    lease.id,
    lease.pool,
    lease.user,
    ahead === null ? lease.state : `${lease.state}, ${ahead} first`,
    lease.instance ?? '-',
    lease.note,
  ]);
  return renderTable(columns, rows, style);
}
