import { z } from 'zod';
import { dateTimeOf, daysOfDate } from '../classad/calendar.ts';

const pattern = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}))?\s*(Z|[+-]\d{2}:\d{2})$/;
const hint = 'a date and time with its zone, as in 2027-03-01T08:00Z or 2027-03-01 08:00+01:00';

/** A moment in the notation of ISO 8601, always with a zone → epoch ms, or what is wrong with the text. */
export function parseMoment(text: string): number | { readonly wrong: string } {
  const [, year, month, day, hour, minute, second = '0', zone] = pattern.exec(text.trim()) ?? [];
  if (year === undefined || zone === undefined) return { wrong: `not a moment: ${quote(text)}; ${hint}` };
  const date = [Number(year), Number(month), Number(day)] as const;
  const seconds = daysOfDate(...date) * 86_400 + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  // A day that the month does not have comes back as another one.
  const back = dateTimeOf(seconds);
  const same =
    back.year === date[0] &&
    back.month === date[1] &&
    back.day === date[2] &&
    back.hour === Number(hour) &&
    back.minute === Number(minute) &&
    back.second === Number(second);
  const offset = offsetSeconds(zone);
  if (!same || offset === null) return { wrong: `there is no moment ${quote(text)}` };
  return (seconds - offset) * 1000;
}

/** Exact to the second, and read back by `parseMoment`: `2027-03-01T08:00:00Z`. */
export function formatMoment(wallMs: number): string {
  const { year, month, day, hour, minute, second } = dateTimeOf(Math.floor(wallMs / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}Z`;
}

/** A moment as epoch ms. */
export const moment = z
  .string({ error: ({ input }) => (input === undefined ? undefined : `expected ${hint}`) })
  .transform((text, context): number => {
    const result = parseMoment(text);
    if (typeof result === 'number') return result;
    context.addIssue(result.wrong);
    return z.NEVER;
  });

function offsetSeconds(zone: string): number | null {
  if (zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 14 || minutes > 59) return null;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 3600 + minutes * 60);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
