import type { CloudInstance } from '../../model/cloud.ts';
import type { IntentId } from '../../model/ids.ts';
import type { Account } from './account.ts';
import type { Kubernetes } from './client/client.ts';
import type { Pod } from './client/objects.ts';
import { cloudErrorOf } from './errors.ts';
import { type Hindrance, hindranceOf } from './hindrance.ts';
import { instanceOf } from './instances.ts';
import { bearsMark, labelValue, markLabels } from './mark.ts';
import { giveWhatIsOwed } from './userData.ts';

/** An image that cannot be had is tried again by its node; for so long that is believed to help. */
const startPatienceMs = 60_000;

/** Every pod that bears the site's mark; throws rather than leave one out. */
export async function listInstances(
  account: Account,
  client: Kubernetes,
  signal: AbortSignal,
): Promise<readonly CloudInstance[]> {
  const pods = await ownPods(account, client, {}, signal);
  noteHindered(account, pods);
  await giveWhatIsOwed(account, client, pods, signal);
  return pods.map((pod) => instanceOf(pod, (one, hindrance) => isPatienceOver(account, one, hindrance)));
}

/** What an intent made: one pod at most. */
export async function findIntent(
  account: Account,
  client: Kubernetes,
  intent: IntentId,
  signal: AbortSignal,
): Promise<readonly CloudInstance[]> {
  const pods = await ownPods(account, client, { [markLabels.intent]: labelValue(intent) }, signal);
  await giveWhatIsOwed(account, client, pods, signal);
  return pods
    .map((pod) => instanceOf(pod, (one, hindrance) => isPatienceOver(account, one, hindrance)))
    .filter((instance) => instance.intent === intent);
}

/** A label may be a digest, so each row is looked at again. */
async function ownPods(
  { site }: Account,
  client: Kubernetes,
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<readonly Pod[]> {
  try {
    const pods = await client.pods({ [markLabels.site]: labelValue(site), ...labels }, signal);
    return pods.filter((pod) => bearsMark(pod.metadata, site));
  } catch (thrown) {
    throw cloudErrorOf(thrown, { write: false });
  }
}

/** The server's own times are by another clock, so what counts is how long we have seen it. */
function noteHindered({ memory, clock }: Account, pods: readonly Pod[]): void {
  const now = clock.monotonicNow();
  const uids = pods.filter((pod) => hindranceOf(pod) !== null).map((pod) => pod.metadata.uid);
  memory.hinderedSince = new Map(uids.map((uid) => [uid, memory.hinderedSince.get(uid) ?? now]));
}

function isPatienceOver({ memory, clock, settings }: Account, pod: Pod, { kind }: Hindrance): boolean {
  if (kind === 'neverStarts') return true;
  const since = memory.hinderedSince.get(pod.metadata.uid);
  const patienceMs = kind === 'cannotStart' ? startPatienceMs : settings.schedulingTimeout;
  return since !== undefined && clock.monotonicNow() - since >= patienceMs;
}
