import type { CloudId } from '../../model/ids.ts';
import { type Account, remember } from './account.ts';
import type { Kubernetes } from './client/client.ts';
import { isAnswer, isNoSuchPod } from './client/failure.ts';
import { cloudErrorOf } from './errors.ts';
import { identityOf } from './identity.ts';
import { listLagMs } from './limits.ts';

/**
 * One step of a pod's end.
 *
 * DELETE of this very pod, by name and uid, begins its end or changes nothing; the pod stays until its node says that its
 * containers have stopped, at most for its grace. When there is no pod of the name, or it is another one (409 Conflict), ours is
 * gone: it has existed, as its uid is known, and the server answers from the state of its last write. A pod on a node that
 * does not answer stays until the node does, or is removed from the cluster: nobody knows whether it still runs.
 *
 * An id without a uid is none of ours; it is believed to be gone when the server has said so for as long as a create call may
 * still be worked on.
 */
export async function terminate(
  account: Account,
  client: Kubernetes,
  id: CloudId,
  signal: AbortSignal,
): Promise<'ending' | 'gone'> {
  const { name, uid } = identityOf(id);
  // No pod has the id for a uid: nothing is deleted.
  const step = await remove(client, name, uid ?? id, signal);
  const { unknownSince } = account.memory;
  if (uid !== null || step === 'ending') {
    unknownSince.delete(id);
    return step;
  }
  const now = account.clock.monotonicNow();
  const since = unknownSince.get(id);
  if (since === undefined) remember(unknownSince, id, now);
  return since !== undefined && now - since >= listLagMs ? 'gone' : 'ending';
}

async function remove(
  client: Kubernetes,
  name: string,
  uid: string,
  signal: AbortSignal,
): Promise<'ending' | 'gone'> {
  try {
    await client.deletePod(name, uid, signal);
    return 'ending';
  } catch (thrown) {
    if (isNoSuchPod(thrown) || isAnswer(thrown, 409, 'Conflict')) return 'gone';
    throw cloudErrorOf(thrown, { write: true });
  }
}
