import type { CloudInstance } from '../../model/cloud.ts';
import { CloudId, type IntentId, type SiteId } from '../../model/ids.ts';
import type { OpenStack } from './client/client.ts';
import type { Server } from './client/server.ts';
import { cloudErrorOf } from './errors.ts';
import { bearsMark, bySeat, instanceOf, isOutOfSight, isUnplaced } from './instances.ts';
import { intentTag, ownerTag } from './mark.ts';
import type { Memory } from './memory.ts';

/** Single reads that a look-up makes at most; each costs 35 times what its row costs in a list. */
const singleReadsMax = 100;

export interface Listed {
  readonly instances: readonly CloudInstance[];
  /** The rows behind them that have a mark of their own. */
  readonly rows: readonly Server[];
}

/** Every server that bears the site's mark; throws rather than leave one out. */
export async function listServers(
  cloud: OpenStack,
  site: SiteId,
  memory: Memory,
  signal: AbortSignal,
): Promise<Listed> {
  try {
    const rows = await cloud.compute.servers({ tags: [ownerTag(site)] }, signal);
    const ours = rows.filter((row) => bearsMark(row, site));
    return { rows: ours, instances: rows.flatMap((row) => read(row, site, memory)) };
  } catch (thrown) {
    throw cloudErrorOf(thrown, { write: false });
  }
}

/**
 * What an intent made: by its tag. Where that finds nothing, servers that this process knows to be the intent's are asked
 * for one by one, as a list leaves out what is in a cell that does not answer.
 */
export async function findIntent(
  cloud: OpenStack,
  site: SiteId,
  memory: Memory,
  intent: IntentId,
  signal: AbortSignal,
): Promise<readonly CloudInstance[]> {
  try {
    const rows = await cloud.compute.servers({ tags: [ownerTag(site), intentTag(intent)] }, signal);
    const found = rows
      .flatMap((row) => read(row, site, memory))
      .filter((instance) => instance.intent === intent);
    if (found.length > 0) return found.toSorted(bySeat);
    const known = [...memory.all()].filter((instance) => instance.intent === intent);
    const still: CloudInstance[] = [];
    for (const { cloudId } of known.slice(0, singleReadsMax)) {
      const row = await cloud.compute.server(cloudId, signal);
      if (row !== null) still.push(...read(row, site, memory));
    }
    return still.toSorted(bySeat);
  } catch (thrown) {
    throw cloudErrorOf(thrown, { write: false });
  }
}

/** Nothing for a row that is not ours. A row without a mark, of a server that is known to be ours, keeps what is known. */
function read(row: Server, site: SiteId, memory: Memory): readonly CloudInstance[] {
  if (bearsMark(row, site)) {
    // A list may show for ever what Nova gave up while it placed it: no call finds it by its id, and none can end it.
    const isRemnant = isUnplaced(row) && memory.isNotFound(CloudId(row.id));
    const instance = isRemnant ? { ...instanceOf(row), state: 'gone' as const } : instanceOf(row);
    memory.saw(instance);
    return [instance];
  }
  const known = memory.find(CloudId(row.id));
  if (known === null) return [];
  if (isOutOfSight(row)) return [known];
  return row.status === 'DELETED' ? [{ ...known, state: 'gone' }] : [];
}
