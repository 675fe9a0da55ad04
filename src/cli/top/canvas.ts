import { type Paint, printable, widthOf } from '../table.ts';

/** A piece of a line in one colour. */
export interface Part {
  readonly text: string;
  readonly paint?: Paint;
}

/** Parts beside each other as a line that is no wider than so many columns. */
export function lineOf(parts: readonly Part[], columns: number): string {
  let left = columns;
  let line = '';
  for (const { text, paint } of parts) {
    const kept = cut(printable(text), left);
    if (kept === '') continue;
    left -= widthOf(kept);
    line += paint === undefined ? kept : paint(kept);
  }
  return line;
}

/** As much of the text as is no wider than so many columns. */
function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let left = columns;
  for (const char of text) {
    left -= widthOf(char);
    if (left < 0) break;
    kept += char;
  }
  return kept;
}

export function padEnd(text: string, columns: number): string {
  const shown = cut(printable(text), columns);
  return shown + ' '.repeat(Math.max(0, columns - widthOf(shown)));
}

export function padStart(text: string | number, columns: number): string {
  return String(text).padStart(columns);
}

/** What bars and curves are drawn with. */
export interface Glyphs {
  readonly busy: string;
  readonly free: string;
  readonly unusable: string;
  readonly room: string;
  /** From low to high. */
  readonly curve: readonly string[];
}

const unicode: Glyphs = {
  busy: '█',
  free: '▒',
  unusable: '░',
  room: '·',
  curve: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
};
const ascii: Glyphs = { busy: '#', free: '+', unusable: '!', room: '.', curve: ['_', '.', '-', '=', '#'] };

export function glyphsFor(env: Readonly<Record<string, string | undefined>>): Glyphs {
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((name) => name !== undefined && name !== '');
  return /utf-?8/i.test(locale ?? '') ? unicode : ascii;
}

/**
 * How many cells of a bar each part has: what is there is seen, however little, and all together are no more than the
 * bar is long.
 */
export function cellsOf(values: readonly number[], whole: number, cells: number): readonly number[] {
  const most = Math.max(
    whole,
    values.reduce((sum, value) => sum + value, 0),
    1,
  );
  let left = cells;
  return values.map((value) => {
    const share = value === 0 ? 0 : Math.max(1, Math.round((value / most) * cells));
    const own = Math.min(share, left);
    left -= own;
    return own;
  });
}

/** All values as a curve above 0: where there are more than columns, each column is the greatest of its part. */
export function curveOf(values: readonly number[], columns: number, { curve }: Glyphs): string {
  const width = Math.min(columns, values.length);
  const shown = Array.from({ length: width }, (_, at) => {
    const [from, to] = [at, at + 1].map((edge) => Math.round((edge * values.length) / width));
    return Math.max(0, ...values.slice(from, to));
  });
  const top = Math.max(1, ...shown);
  return shown
    .map((value) => curve[Math.min(curve.length - 1, Math.floor((value / top) * curve.length))] ?? '')
    .join('');
}
