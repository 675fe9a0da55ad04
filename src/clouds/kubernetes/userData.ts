import type { Account } from './account.ts';
import type { Kubernetes } from './client/client.ts';
import { isAnswer } from './client/failure.ts';
import type { Pod } from './client/objects.ts';
import { cloudErrorOf } from './errors.ts';
import { secretOf, type Worker } from './manifest.ts';
import { markAnnotations } from './mark.ts';

/** Secrets that one look makes at most; the rest is for the next. */
const givenMax = 10;

/**
 * The Secret that a pod waits for. One of the name that is there already was made for this very pod: names are never used twice,
 * and the pod is known to be of the same order. Throws the client's failures.
 */
export async function giveUserData(
  { memory }: Account,
  client: Kubernetes,
  worker: Worker & { readonly userData: string },
  pod: Pod,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.createSecret(secretOf(worker, pod.metadata.uid), [worker.userData], signal);
  } catch (thrown) {
    if (!isAnswer(thrown, 409, 'AlreadyExists')) throw thrown;
  }
  memory.owed.delete(worker.mark.intent);
}

/**
 * After a look: pods whose create call had no clear answer, and that are there, get their user data. A failure is logged, and
 * what is left is done after a later look. A pod that was made just before this program died gets none: it waits until its
 * boot deadline, and is ended.
 */
export async function giveWhatIsOwed(
  account: Account,
  client: Kubernetes,
  pods: readonly Pod[],
  signal: AbortSignal,
): Promise<void> {
  const { memory, log } = account;
  if (memory.owed.size === 0) return;
  const owed = new Map([...memory.owed].map(([intent, worker]) => [String(intent), worker]));
  const waiting = pods.flatMap((pod) => {
    const worker = owed.get(pod.metadata.annotations[markAnnotations.intent] ?? '');
    const isEnding = typeof pod.metadata.deletionTimestamp === 'string';
    return worker === undefined || worker.name !== pod.metadata.name || isEnding ? [] : [{ pod, worker }];
  });
  for (const { pod, worker } of waiting.slice(0, givenMax)) {
    try {
      await giveUserData(account, client, worker, pod, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const { code, message } = cloudErrorOf(thrown, { write: true });
      log.warn({ pod: pod.metadata.name, code, problem: message }, 'a pod could not be given its user data');
    }
  }
}
