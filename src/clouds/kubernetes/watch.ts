import type { Clock } from '../../model/clock.ts';
import { deriveFraction } from '../../model/derive.ts';
import { type Account, remember } from './account.ts';
import { KubernetesFailure } from './client/failure.ts';
import type { Pod } from './client/objects.ts';
import type { PodEvent } from './client/watch.ts';
import { cloudErrorOf } from './errors.ts';
import { hindranceOf } from './hindrance.ts';
import { instanceOf } from './instances.ts';
import { bearsMark, labelValue, markLabels } from './mark.ts';

/** The server ends a watch after so long, and says by a bookmark where it ended. */
const watchSeconds = 240;
/** A watch that the server has not ended so long after its time, or a call that has no answer by then, hangs. */
const patienceMs = 30_000;

const pauseLeastMs = 1000;
const pauseMostMs = 300_000;

/** What this site's pods were, as a list would say it, by uid. What is forgotten is told of once more. */
type Known = Map<string, string>;

/**
 * Calls `soon` when what a list would say of this site's pods has changed, until the signal is aborted. It goes on behind the last
 * event that it has read, so what happened while no watch was open is told, too. Where that cannot be had any more (410), or
 * was no watch's answer, it begins anew from the cluster's newest state and asks for a list, as it may have missed something.
 * An error is the next list's to report: here it costs a growing pause. Without the right to watch it says so once and ends.
 */
export async function hintOfChanges(account: Account, soon: () => void, signal: AbortSignal): Promise<void> {
  const known: Known = new Map();
  let from: string | null = null;
  let failures = 0;

  for (let turn = 0; !signal.aborted; turn += 1) {
    let heard = false;
    const onEvent = (event: PodEvent) => {
      heard = true;
      failures = 0;
      from = event.version;
      if (isNews(account, known, event)) soon();
    };
    try {
      if (from === null) {
        from = await newest(account, signal);
        soon();
      }
      await watchFrom(account, { from, onEvent }, signal);
      // A version that the cluster has not come to yet (its store was restored) gives no event, no bookmark and no error.
      if (!heard) from = null;
    } catch (thrown) {
      if (signal.aborted) return;
      failures += 1;
      if (lacksRight(thrown)) {
        sayOnce(account);
        return;
      }
      if (!canGoOn(thrown, heard)) from = null;
      const { code, message } = cloudErrorOf(thrown, { write: false });
      account.log.debug({ code, problem: message }, 'watch of pods broke off');
    }
    await account.clock.sleep(pauseMs(account, failures, turn), signal).catch(() => {});
  }
}

/** It doubles with each failure, and is spread so that the sites of one cluster do not come back at once. */
function pauseMs({ site }: Account, failures: number, turn: number): number {
  const most = Math.min(pauseLeastMs * 2 ** Math.min(failures, 20), pauseMostMs);
  return most * (0.5 + deriveFraction(site, turn) / 2);
}

async function newest({ connection, site, clock }: Account, signal: AbortSignal): Promise<string> {
  return await within(patienceMs, { clock, signal }, async (inner) => {
    const client = await connection.open();
    return await client.podsVersion({ [markLabels.site]: labelValue(site) }, inner);
  });
}

async function watchFrom(
  { connection, site, clock }: Account,
  { from, onEvent }: { readonly from: string; readonly onEvent: (event: PodEvent) => void },
  signal: AbortSignal,
): Promise<void> {
  await within(watchSeconds * 1000 + patienceMs, { clock, signal }, async (inner) => {
    const client = await connection.open();
    const watch = { version: from, seconds: watchSeconds, onEvent };
    await client.watchPods({ [markLabels.site]: labelValue(site) }, watch, inner);
  });
}

/** Gives up work that takes longer: a connection that has broken without a word says nothing for ever. */
async function within<T>(
  ms: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  clock.sleep(ms, over.signal).then(
    () => over.abort(),
    () => {},
  );
  try {
    return await work(AbortSignal.any([signal, over.signal]));
  } finally {
    over.abort();
  }
}

function isNews({ site }: Account, known: Known, event: PodEvent): boolean {
  if (event.kind === 'bookmark' || !bearsMark(event.pod.metadata, site)) return false;
  const { uid } = event.pod.metadata;
  if (event.kind === 'gone') {
    known.delete(uid);
    return true;
  }
  const now = readingOf(event.pod);
  if (known.get(uid) === now) return false;
  remember(known, uid, now);
  return true;
}

/** What the core would see of it. The scheduler's and the nodes' words change all the time: their kind alone counts. */
function readingOf(pod: Pod): string {
  const { state, address, notice = null } = instanceOf(pod, () => false);
  return JSON.stringify([state, address, notice, hindranceOf(pod)?.kind ?? null]);
}

/** A list that is refused for the same reason is another matter: the cloud does not answer then, and may be put right. */
function lacksRight(thrown: unknown): boolean {
  return (
    thrown instanceof KubernetesFailure &&
    thrown.call === 'watch pods' &&
    thrown.status === 403 &&
    cloudErrorOf(thrown, { write: false }).code === 'auth'
  );
}

function sayOnce({ memory, log }: Account): void {
  if (memory.said.has('watch')) return;
  memory.said.add('watch');
  log.warn({}, 'no right to watch pods: changes are seen at the next poll; see config/kubernetes/rbac.yaml');
}

/** Behind what was read last: not where that is no longer kept, nor where what follows cannot be read, nor where nothing ever came. */
function canGoOn(thrown: unknown, heard: boolean): boolean {
  if (!(thrown instanceof KubernetesFailure)) return false;
  if (thrown.status === 410 || (thrown.kind === 'malformed' && thrown.status === 200)) return false;
  return heard || thrown.kind !== 'givenUp';
}
