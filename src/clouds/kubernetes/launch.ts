import { CloudError } from '../../model/errors.ts';
import type { InstanceId } from '../../model/ids.ts';
import type { LaunchAccepted, LaunchOrder } from '../port.ts';
import { type Account, remember } from './account.ts';
import type { Kubernetes } from './client/client.ts';
import { isAnswer, isNoSuchPod } from './client/failure.ts';
import type { Pod } from './client/objects.ts';
import { cloudErrorOf } from './errors.ts';
import { instanceOf } from './instances.ts';
import { kubernetesCapabilities } from './limits.ts';
import { type Manifest, manifestOf, type Worker } from './manifest.ts';
import { bearsMark, isPodName, markAnnotations } from './mark.ts';
import type { KubernetesOffer } from './offer.ts';
import { giveUserData } from './userData.ts';

/** An order whose settings are known to be this driver's. */
export interface KubernetesOrder extends LaunchOrder {
  readonly settings: KubernetesOffer;
}

/**
 * One `POST` of a pod with the machine's name; then one of the Secret with its user data, which the pod waits for and owns. There
 * is never a second pod of the name, so the same order may come again: where the pod is there already, and is of the same
 * order, it is what was made. After a call without a clear answer the user data are owed to the pod; see userData.ts.
 */
export async function launch(
  account: Account,
  client: Kubernetes,
  order: KubernetesOrder,
  signal: AbortSignal,
): Promise<LaunchAccepted> {
  const worker = workerOf(account, order);
  const manifest = manifestOf(worker);
  const { userData } = worker;
  try {
    const made = await make(account, client, { worker, manifest }, signal);
    if (userData !== null) await giveOrUndo(account, client, { ...worker, userData }, made, signal);
    return { instances: [instanceOf(made.pod, () => false)] };
  } catch (thrown) {
    const error = cloudErrorOf(thrown, { write: true });
    // The pod may be there, or come yet.
    if (error.inDoubt && userData !== null)
      remember(account.memory.owed, order.intent, { ...worker, userData });
    throw error;
  }
}

function workerOf(account: Account, order: KubernetesOrder): Worker {
  const { site } = account;
  const { intent, pool, offer, settings, userData } = order;
  assertFits(order);
  return { name: onlySeat(order), mark: { site, intent, pool, offer }, settings, userData };
}

interface Made {
  readonly pod: Pod;
  /** By this very call: nothing can run in it yet. */
  readonly isNew: boolean;
}

async function make(
  account: Account,
  client: Kubernetes,
  { worker, manifest }: { readonly worker: Worker; readonly manifest: Manifest },
  signal: AbortSignal,
): Promise<Made> {
  try {
    return { pod: await client.createPod(manifest.pod, {}, signal), isNew: true };
  } catch (thrown) {
    if (!isAnswer(thrown, 409, 'AlreadyExists')) throw thrown;
    return { pod: await madeBefore(account, client, { worker, manifest }, signal), isNew: false };
  }
}

/** The pod that has the name. What cannot be said of it leaves the order in doubt: it may well be ours. */
async function madeBefore(
  { site }: Account,
  client: Kubernetes,
  { worker, manifest }: { readonly worker: Worker; readonly manifest: Manifest },
  signal: AbortSignal,
): Promise<Pod> {
  const doubt = (code: 'invalid' | 'unavailable', what: string) =>
    new CloudError(code, `create pod: ${what}`, { inDoubt: true });
  let pod: Pod;
  try {
    pod = await client.pod(worker.name, signal);
  } catch (thrown) {
    if (isNoSuchPod(thrown)) throw doubt('unavailable', 'the pod of the name has just gone');
    const { code, message } = cloudErrorOf(thrown, { write: false });
    throw new CloudError(code, message, { inDoubt: true });
  }
  const { metadata } = pod;
  const isOurs =
    bearsMark(metadata, site) && metadata.annotations[markAnnotations.intent] === worker.mark.intent;
  if (!isOurs) throw new CloudError('invalid', 'create pod: somebody else has a pod of the name');
  if (metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null) {
    throw doubt('invalid', 'its pod is being deleted already');
  }
  if (metadata.annotations[markAnnotations.order] !== manifest.digest) {
    throw doubt('invalid', 'its pod was made by an order that said something else');
  }
  return pod;
}

/**
 * Refused its user data, a new pod would wait for ever: it is taken back, and the order with it. One that was there before may
 * have got them then, and work: it is left alone, and in doubt.
 */
async function giveOrUndo(
  account: Account,
  client: Kubernetes,
  worker: Worker & { readonly userData: string },
  { pod, isNew }: Made,
  signal: AbortSignal,
): Promise<void> {
  try {
    await giveUserData(account, client, worker, pod, signal);
  } catch (thrown) {
    const error = cloudErrorOf(thrown, { write: true });
    // The pod is there: without a clear answer it is found, and gets its user data then.
    const { code, message } = error;
    if (!isNew || error.inDoubt || code === 'timeout' || code === 'unavailable' || code === 'rateLimited') {
      throw new CloudError(code, message, { inDoubt: true });
    }
    const { name, uid } = pod.metadata;
    try {
      await client.deletePod(name, uid, signal);
    } catch {
      throw new CloudError(code, message, { inDoubt: true });
    }
    throw new CloudError(code, message);
  }
}

function onlySeat(order: LaunchOrder): InstanceId {
  const [id] = order.instances;
  if (id === undefined || order.instances.length > kubernetesCapabilities.batchMax) {
    throw wrong(`${order.instances.length} machines in one call; one is possible`);
  }
  if (!isPodName(id)) throw wrong(`${JSON.stringify(id)} cannot be a pod's name`);
  return id;
}

function assertFits(order: LaunchOrder): void {
  const { userDataBytesMax } = kubernetesCapabilities;
  const bytes = order.userData === null ? 0 : Buffer.byteLength(order.userData, 'utf8');
  if (bytes > userDataBytesMax)
    throw wrong(`user data of ${bytes} bytes; at most ${userDataBytesMax} are possible`);
  if (order.market === 'spot')
    throw new CloudError('unsupported', 'create pod: Kubernetes has no spot market');
}

function wrong(what: string): CloudError {
  return new CloudError('invalid', `create pod: ${what}`);
}
