import { dateTimeOf, daysOfDate } from '../classad/calendar.ts';

/** What spending is counted by. All are of the calendar of UTC. */
export const periods = ['hour', 'day', 'month'] as const;
export type Period = (typeof periods)[number];

/** One hour, day or month: from `startMs` until just before `endMs`, in epoch ms. */
export interface Window {
  readonly period: Period;
  /** Counts hours or days since 1970, months since the year 0: one for each window, in order. */
  readonly index: number;
  readonly startMs: number;
  readonly endMs: number;
}

const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** The window that a moment is in. */
export function windowAt(period: Period, atMs: number): Window {
  switch (period) {
    case 'hour':
      return windowNumbered(period, Math.floor(atMs / hourMs));
    case 'day':
      return windowNumbered(period, Math.floor(atMs / dayMs));
    case 'month': {
      const { year, month } = dateTimeOf(Math.floor(atMs / 1000));
      return windowNumbered(period, year * 12 + month - 1);
    }
  }
}

export function windowNumbered(period: Period, index: number): Window {
  switch (period) {
    case 'hour':
      return { period, index, startMs: index * hourMs, endMs: (index + 1) * hourMs };
    case 'day':
      return { period, index, startMs: index * dayMs, endMs: (index + 1) * dayMs };
    case 'month':
      return { period, index, startMs: monthMs(index), endMs: monthMs(index + 1) };
  }
}

function monthMs(index: number): number {
  const year = Math.floor(index / 12);
  return daysOfDate(year, index - year * 12 + 1, 1) * dayMs;
}

/** `2026-11-22T07:00Z`. */
export function momentText(atMs: number): string {
  const { year, month, day, hour, minute } = dateTimeOf(Math.floor(atMs / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}Z`;
}

/** `2026-11-22`. */
export function dayText(day: number): string {
  return momentText(day * dayMs).slice(0, 'YYYY-MM-DD'.length);
}

/** The day of such a text; null where no month has it. */
export function dayOfText(text: string): number | null {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (year === undefined) return null;
  const number = daysOfDate(Number(year), Number(month), Number(day));
  return dayText(number) === text ? number : null;
}
