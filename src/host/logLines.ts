import { fstatSync } from 'node:fs';

/**
 * How the daemon's log is written to standard output. json: a JSON document a line, with the time. journald: the priority as
 * systemd reads it (`<6>`), the message, and the fields as `name=value`; the journal has the time. auto: journald where
 * standard output is the journal, else json.
 */
export const logFormats = ['auto', 'json', 'journald'] as const;
export type LogFormat = (typeof logFormats)[number];

/** systemd says in `JOURNAL_STREAM` which file the journal reads; a program may have been given another one since. */
export function isJournal(journalStream: string | undefined, fd: number): boolean {
  if (journalStream === undefined || journalStream === '') return false;
  try {
    const { dev, ino } = fstatSync(fd);
    return journalStream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** journald cuts a line at 48 KiB. */
const lineCharactersMax = 16_000;

/** pino's levels, and syslog's priorities. */
const priorityOf = (level: unknown): number => {
  if (typeof level !== 'number') return 6;
  if (level >= 60) return 2;
  if (level >= 50) return 3;
  if (level >= 40) return 4;
  return level >= 30 ? 6 : 7;
};

/** A line of pino's for the journal; what is no JSON is passed on as it is. */
export function journaldLine(json: string): string {
  const fields = parse(json);
  if (fields === null) return json;
  const { level, time: _, msg, err, ...rest } = fields;
  const words = Object.entries({ ...rest, ...problemOf(err) }).map(
    ([name, value]) => `${name}=${wordOf(value)}`,
  );
  const text = [typeof msg === 'string' ? msg : '', ...words].join(' ');
  const whole = text.length <= lineCharactersMax ? text : `${text.slice(0, lineCharactersMax)}…`;
  return `<${priorityOf(level)}>${whole}\n`;
}

function parse(json: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

/** An error as pino has it. */
function problemOf(err: unknown): Readonly<Record<string, unknown>> {
  if (typeof err !== 'object' || err === null) return err === undefined ? {} : { err };
  const { message, stack } = { message: undefined, stack: undefined, ...err };
  return { problem: message, stack };
}

/** One word, whatever is in it: no line end of a message from elsewhere begins a line of the log. */
function wordOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text === undefined) return 'null';
  return typeof value !== 'string' || /^[\w.:@/+,-]+$/.test(text) ? text : JSON.stringify(text);
}
