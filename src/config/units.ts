import { z } from 'zod';
import type { Price } from '../model/offer.ts';

/**
 * Quantities as people write them in the config: always with their unit. A bare number is refused with the units
 * that are allowed. Each schema takes text and gives the number that the rest of the program uses.
 */

const durationUnits = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/** Ten years: longer than any limit that is meant as one, and far from where numbers lose their whole part. */
export const durationMsMax = 3650 * durationUnits.d;

const sizeUnits = {
  MiB: 1,
  GiB: 1024,
  TiB: 1024 ** 2,
  MB: 1e6 / 2 ** 20,
  GB: 1e9 / 2 ** 20,
  TB: 1e12 / 2 ** 20,
} as const;

/** An exbibyte, in MiB. */
export const sizeMiBMax = 2 ** 40;

const quantity = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/;
const durationHint = 'ms, s, m, h or d, as in 10m';
const sizeHint = 'MiB, GiB, TiB, MB, GB or TB, as in 16GiB';
const moneyHint = 'an amount and a currency, as in 50 USD';
const priceHint = 'an amount, a currency and "/h", as in 0.12 USD/h';

/** `10m`, `500ms`, `1h30m`, `1.5h` → milliseconds, or what is wrong with the text. */
export function parseDuration(text: string): number | { readonly wrong: string } {
  const parts = text.trim().match(/\d+(?:\.\d+)?[A-Za-z]+/g);
  if (parts === null || parts.join('') !== text.trim()) {
    return /^[\d.]+$/.test(text.trim())
      ? { wrong: `${text.trim()} has no unit; say ${durationHint}` }
      : { wrong: `not a duration: ${show(text)}; a number and ${durationHint}` };
  }
  let sum = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (const part of parts) {
    const [, amount = '', unit = ''] = quantity.exec(part) ?? [];
    if (!isKeyOf(durationUnits, unit))
      return { wrong: `unknown unit "${unit}" in ${show(text)}; say ${durationHint}` };
    if (durationUnits[unit] >= smallest) return { wrong: `units out of order in ${show(text)}; as in 1h30m` };
    smallest = durationUnits[unit];
    sum += Number(amount) * smallest;
  }
  const ms = Math.round(sum);
  if (Math.abs(ms - sum) > 1e-6 * Math.max(1, ms))
    return { wrong: `${show(text)} is not a whole number of ms` };
  if (ms > durationMsMax) return { wrong: `${show(text)} is longer than ${formatDuration(durationMsMax)}` };
  return ms;
}

/** `16GiB`, `500GB` → whole MiB, rounded down: a machine is never said to have more than it has. */
export function parseSize(text: string): number | { readonly wrong: string } {
  const [, amount = '', unit = ''] = quantity.exec(text.trim()) ?? [];
  if (unit === '') {
    return /^[\d.]+$/.test(text.trim())
      ? { wrong: `${text.trim()} has no unit; say ${sizeHint}` }
      : { wrong: `not a size: ${show(text)}; a number and ${sizeHint}` };
  }
  if (!isKeyOf(sizeUnits, unit)) return { wrong: `unknown unit "${unit}" in ${show(text)}; say ${sizeHint}` };
  const mib = Math.floor(Number(amount) * sizeUnits[unit] + 1e-6);
  if (mib < 1) return { wrong: `${show(text)} is less than 1MiB` };
  if (mib > sizeMiBMax) return { wrong: `${show(text)} is more than ${formatSize(sizeMiBMax)}` };
  return mib;
}

/** `0.12 USD/h` → the price of an hour. */
export function parsePrice(text: string): Price | { readonly wrong: string } {
  const [, amount, currency, hour] = /^(\d+(?:\.\d+)?)\s*([A-Z]{3})?\s*(\/\s*h)?$/.exec(text.trim()) ?? [];
  if (amount === undefined) return { wrong: `not a price: ${show(text)}; ${priceHint}` };
  if (currency === undefined) return { wrong: `${show(text)} has no currency; ${priceHint}` };
  if (hour === undefined) return { wrong: `${show(text)} does not say for how long; ${priceHint}` };
  return { perHour: Number(amount), currency };
}

/** `50 USD` → an amount of money. */
export function parseMoney(text: string): Money | { readonly wrong: string } {
  const [, amount, currency] = /^(\d+(?:\.\d+)?)\s*([A-Z]{3})?$/.exec(text.trim()) ?? [];
  if (amount === undefined) return { wrong: `not an amount of money: ${show(text)}; ${moneyHint}` };
  if (currency === undefined) return { wrong: `${show(text)} has no currency; ${moneyHint}` };
  return { amount: Number(amount), currency };
}

export interface Money {
  readonly amount: number;
  readonly currency: string;
}

/** A duration in ms from 0 to `durationMsMax`. */
export const durationMs = quantitySchema('a duration', durationHint).transform(orIssue(parseDuration));

/** A duration in ms within bounds, both included. */
export function durationBetween(minMs: number, maxMs: number) {
  return durationMs.superRefine((ms, context) => {
    if (ms < minMs) context.addIssue(`${formatDuration(ms)} is too short; at least ${formatDuration(minMs)}`);
    if (ms > maxMs) context.addIssue(`${formatDuration(ms)} is too long; at most ${formatDuration(maxMs)}`);
  });
}

/** A size in whole MiB, at least 1. */
export const sizeMiB = quantitySchema('a size', sizeHint).transform(orIssue(parseSize));

export const money = z
  .string({
    error: ({ input }) => {
      if (typeof input === 'number') return `${input} has no currency; ${moneyHint}`;
      return input === undefined ? undefined : `expected ${moneyHint}`;
    },
  })
  .transform(orIssue(parseMoney));

export const price = quantitySchema('a price', priceHint).transform(orIssue(parsePrice));

/**
 * Exact, and read back by `parseDuration`: `1h30m`, `500ms`, `0s`. With `parts` only so many of the largest
 * units that are not zero, rounded down: what people want to read of an age.
 */
export function formatDuration(ms: number, parts: number = Number.POSITIVE_INFINITY): string {
  let rest = Math.max(0, Math.floor(ms));
  const words: string[] = [];
  for (const [unit, unitMs] of Object.entries(durationUnits)) {
    const amount = Math.floor(rest / unitMs);
    rest -= amount * unitMs;
    if (amount > 0 && words.length < parts) words.push(`${amount}${unit}`);
  }
  return words.length === 0 ? '0s' : words.join('');
}

/** Exact, and read back by `parseSize`: `16GiB`, `1.5TiB`, `700MiB`. */
export function formatSize(mib: number): string {
  for (const unit of ['TiB', 'GiB'] as const) {
    const amount = mib / sizeUnits[unit];
    if (amount >= 1 && Number.isInteger(amount * 10)) return `${amount}${unit}`;
  }
  return `${mib}MiB`;
}

/** Read back by `parsePrice`: `0.12 USD/h`. */
export function formatPrice(value: Price): string {
  return `${value.perHour} ${value.currency}/h`;
}

/** Text, with a message of its own for the bare number that YAML makes of `10`. A missing field is left to the caller. */
function quantitySchema(what: string, hint: string) {
  return z.string({
    error: ({ input }) => {
      if (typeof input === 'number') return `${input} has no unit; say ${hint}`;
      return input === undefined ? undefined : `expected ${what}: ${hint}`;
    },
  });
}

function orIssue<T>(parse: (text: string) => T | { readonly wrong: string }) {
  return (text: string, context: z.core.$RefinementCtx<string>): T => {
    const result = parse(text);
    if (typeof result !== 'object' || result === null || !('wrong' in result)) return result;
    context.addIssue(result.wrong);
    return z.NEVER;
  };
}

function isKeyOf<T extends object>(table: T, key: string): key is Extract<keyof T, string> {
  return Object.hasOwn(table, key);
}

function show(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
