import { CloudError } from '../model/errors.ts';
import type { IntentId } from '../model/ids.ts';
import type { Intent } from '../model/instance.ts';
import type { Judge } from './judge.ts';
import type { SimulatedSite } from './simulatedSite.ts';

/** How the daemon behaves to a cloud that has refused a launch: it leaves it alone for a while. */
export interface Manners {
  /** Hears what a create call comes to. */
  overhear<T>(intent: IntentId, call: () => Promise<T>): Promise<T>;
  /** What is stored of an intent: a refusal counts from when the daemon must know of it. */
  settle(intent: Intent): void;
  /** An intent that is new: may it be? */
  judge(intent: Intent): void;
}

interface Refusal {
  readonly code: CloudError['code'];
  readonly atMs: number;
  readonly notBeforeMs: number;
}

/** Jitter makes a delay shorter by up to a quarter; what the cloud itself asks for is the least. */
const jitterLeast = 0.75;

export function createManners({ site, note }: { site: () => SimulatedSite; note: Judge['note'] }): Manners {
  /** Refusals that were answered, and not stored yet. */
  const heard = new Map<IntentId, CloudError>();
  /** By offer or by cloud. */
  const refusals = new Map<string, Refusal>();
  const seen = new Set<IntentId>();
  let aheadAtFirstMs: number | null = null;
  /** By how much the wall clock has been stepped since the story began. */
  const steppedMs = () => {
    const { clock } = site();
    const aheadMs = clock.wallNow() - clock.monotonicNow();
    aheadAtFirstMs ??= aheadMs;
    return Math.abs(aheadMs - aheadAtFirstMs);
  };

  return {
    overhear: async (intent, call) => {
      try {
        return await call();
      } catch (error) {
        if (error instanceof CloudError && !error.inDoubt) heard.set(intent, error);
        throw error;
      }
    },
    settle: ({ id, state, cloud, offer }) => {
      if (state === 'accepted') {
        refusals.delete(`cloud ${cloud}`);
        refusals.delete(`offer ${offer}`);
      }
      const error = heard.get(id);
      if (state !== 'refused' || error === undefined) return;
      heard.delete(id);
      const { setAsideFirstMs } = site().config.policy;
      const atMs = site().clock.monotonicNow();
      const notBeforeMs = atMs + Math.max(setAsideFirstMs * jitterLeast, error.retryAfterMs ?? 0);
      refusals.set(isOfOffer(error) ? `offer ${offer}` : `cloud ${cloud}`, {
        code: error.code,
        atMs,
        notBeforeMs,
      });
    },
    judge: ({ id, state, cloud, offer }) => {
      if (state !== 'open' || seen.has(id)) return;
      seen.add(id);
      steppedMs();
      const nowMs = site().clock.monotonicNow();
      for (const key of [`cloud ${cloud}`, `offer ${offer}`]) {
        const refusal = refusals.get(key);
        if (refusal === undefined || nowMs >= refusal.notBeforeMs) continue;
        // A daemon that is started again has only the wall clock to go by, and that may have been stepped before.
        if (nowMs + steppedMs() >= refusal.notBeforeMs) continue;
        note(
          'failuresAreSetAside',
          `${id}: ${key} is tried again ${nowMs - refusal.atMs} ms after a refusal (${refusal.code}), and should be left alone for ${refusal.notBeforeMs - refusal.atMs} ms`,
        );
      }
    },
  };
}

function isOfOffer({ code }: CloudError): boolean {
  return code === 'capacity' || code === 'invalid' || code === 'notFound' || code === 'unsupported';
}
