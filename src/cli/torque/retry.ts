import type { TorqueSettings } from './settings.ts';

/**
 * Torque starts a job whose prologue failed again at once, two or three times a second. So a prologue that fails sleeps first,
 * the longer the more often this job has failed, as far as the mom's alarm lets it.
 */
export interface Failures {
  readonly count: number;
  /** Epoch ms; a job that failed long ago begins anew. */
  readonly lastAtWallMs: number;
}

/** Failures that are further apart than that do not add up. */
const forgottenAfterMs = 3_600_000;
/** Never slept into the alarm: what is left is for the end of the program. */
const spareMs = 1_000;

export function failedAgain(before: Failures | null, nowWallMs: number): Failures {
  const recent = before !== null && Math.abs(nowWallMs - before.lastAtWallMs) < forgottenAfterMs;
  return { count: recent ? before.count + 1 : 1, lastAtWallMs: nowWallMs };
}

export function retryDelayMs(
  { count }: Pick<Failures, 'count'>,
  { retryMsFirst, retryMsMax }: Pick<TorqueSettings, 'retryMsFirst' | 'retryMsMax'>,
  leftMs: number,
): number {
  const wanted = Math.min(retryMsMax, retryMsFirst * 2 ** Math.min(30, count - 1));
  return Math.max(0, Math.min(wanted, leftMs - spareMs));
}

/** So much of the mom's alarm is kept for giving a machine back when none came in time. */
export function waitBudgetMs(prologAlarmMs: number): number {
  return prologAlarmMs - Math.max(4_000, prologAlarmMs / 10);
}
