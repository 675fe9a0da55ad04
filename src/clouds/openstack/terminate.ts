import type { Clock } from '../../model/clock.ts';
import type { CloudId } from '../../model/ids.ts';
import type { OpenStack } from './client/client.ts';
import { cloudErrorOf } from './errors.ts';
import { listLagMs } from './limits.ts';
import type { Memory } from './memory.ts';

/**
 * One step of a server's end.
 *
 * DELETE is accepted (204) as often as it is sent while the server exists, and says 404 once it is gone. It says 404 as well
 * of what Nova does not know yet, so a 404 is believed when GET says the same, and when the server has been seen before;
 * of an id that this process has never seen, only after Nova has said so for as long as its views may lag.
 */
export async function terminate(
  cloud: OpenStack,
  clock: Clock,
  memory: Memory,
  id: CloudId,
  signal: AbortSignal,
): Promise<'ending' | 'gone'> {
  if ((await remove(cloud, id, signal)) === 'accepted') {
    memory.sawId(id);
    memory.setMissing(id, null);
    return 'ending';
  }
  if (!(await isMissing(cloud, id, signal))) {
    memory.sawId(id);
    memory.setMissing(id, null);
    return 'ending';
  }
  if (memory.hasSeen(id)) {
    memory.setNotFound(id);
    return 'gone';
  }
  const since = memory.missingSince(id);
  const now = clock.monotonicNow();
  if (since === null) memory.setMissing(id, now);
  return since !== null && now - since >= listLagMs ? 'gone' : 'ending';
}

async function remove(cloud: OpenStack, id: CloudId, signal: AbortSignal) {
  try {
    return await cloud.compute.remove(id, signal);
  } catch (thrown) {
    throw cloudErrorOf(thrown, { write: true });
  }
}

async function isMissing(cloud: OpenStack, id: CloudId, signal: AbortSignal): Promise<boolean> {
  try {
    const row = await cloud.compute.server(id, signal);
    return row === null || row.status === 'DELETED';
  } catch (thrown) {
    throw cloudErrorOf(thrown, { write: false });
  }
}
