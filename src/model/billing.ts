import type { Instance } from './instance.ts';
import type { Price } from './offer.ts';

/** How a cloud charges for a machine's time: for the minimum at once, and then by whole increments. */
export interface Billing {
  readonly minimumMs: number;
  readonly incrementMs: number;
}

/** What most clouds do, and what holds where an offer does not say. */
export const perSecond: Billing = { minimumMs: 0, incrementMs: 1000 };

/**
 * on-demand: ours until we end it. spot: cheaper, and the cloud may take it back at any time; that is no fault of the
 * image or of ours.
 */
export const markets = ['onDemand', 'spot'] as const;
export type Market = (typeof markets)[number];

/** What a machine is had for. An instance keeps the terms that it was launched on: the config's may change. */
export interface Terms {
  readonly market: Market;
  /** Null: not known. It then costs nothing that could be counted. */
  readonly price: Price | null;
  readonly billing: Billing;
}

/** A machine's life as its bill sees it. */
export interface Bill {
  readonly price: Price;
  readonly billing: Billing;
  readonly sinceMs: number;
  /** Null: it goes on. */
  readonly untilMs: number | null;
}

const hourMs = 3_600_000;

/** The time that is charged for a machine that has lived for so long; 0 for one that has not lived at all. */
export function billedMs({ minimumMs, incrementMs }: Billing, livedMs: number): number {
  if (livedMs <= 0) return 0;
  return minimumMs + Math.ceil(Math.max(0, livedMs - minimumMs) / incrementMs) * incrementMs;
}

/** All that it has cost by then. Grows in steps: an interval is charged when it begins. */
export function costUntil({ price, billing, sinceMs, untilMs }: Bill, atMs: number): number {
  const endMs = untilMs === null ? atMs : Math.min(untilMs, atMs);
  return (price.perHour * billedMs(billing, endMs - sinceMs)) / hourMs;
}

/** What is charged after the one moment and until the other: the parts of a life add up to its cost. */
export function costBetween(bill: Bill, { fromMs, toMs }: { fromMs: number; toMs: number }): number {
  return costUntil(bill, toMs) - costUntil(bill, fromMs);
}

/** When the interval that is paid for now is over: until then it costs nothing more. */
export function paidUntilMs({ billing, sinceMs }: Pick<Bill, 'billing' | 'sinceMs'>, nowMs: number): number {
  // One that has not lived yet has its first interval to come.
  return sinceMs + billedMs(billing, Math.max(1, nowMs - sinceMs));
}

/** What is left of the interval that is paid for, in ms. */
export function paidLeftMs(bill: Pick<Bill, 'billing' | 'sinceMs'>, nowMs: number): number {
  return paidUntilMs(bill, nowMs) - nowMs;
}

/**
 * From the intent, which is never later than the cloud's own count, until the cloud says that it is gone, which is
 * never earlier. Null where it costs nothing: its price is not known, or it ended without ever having been a machine.
 */
export function billOf({
  terms,
  createdAtMs,
  endedAtMs,
  cloudId,
}: Pick<Instance, 'terms' | 'createdAtMs' | 'endedAtMs' | 'cloudId'>): Bill | null {
  const { price, billing } = terms;
  if (price === null || (endedAtMs !== null && cloudId === null)) return null;
  return { price, billing, sinceMs: createdAtMs, untilMs: endedAtMs };
}
