/** How text is marked on a terminal; each is the identity where there are no colours. */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}
export type Paint = (text: string) => string;

const sgr =
  (code: number): Paint =>
  (text) =>
    `\u001b[${code}m${text}\u001b[0m`;
const plain: Paint = (text) => text;

export function createStyle(colours: boolean): Style {
  return colours
    ? { bold: sgr(1), dim: sgr(2), red: sgr(31), green: sgr(32), yellow: sgr(33), cyan: sgr(36) }
    : { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };
}

export interface Column {
  readonly header: string;
  readonly align?: 'left' | 'right';
}

export type Cell = string | number | { readonly text: string; readonly paint: Paint };

const gap = '  ';

/** Lines of a table whose columns are as wide as what is in them; the last is not padded. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  style: Style,
): readonly string[] {
  const cells = rows.map((row) => row.map(asCell));
  const widths = columns.map((column, at) =>
    Math.max(column.header.length, ...cells.map((row) => widthOf(row[at]?.text ?? ''))),
  );
  const line = (row: readonly PaintedCell[]) =>
    row
      .map((cell, at) => pad(cell, widths[at] ?? 0, columns[at]?.align, at === columns.length - 1))
      .join(gap);
  const header = columns.map((column) => ({ text: column.header, paint: style.bold }));
  return [line(header), ...cells.map(line)];
}

interface PaintedCell {
  readonly text: string;
  readonly paint: Paint;
}

function asCell(cell: Cell): PaintedCell {
  if (typeof cell === 'object') return { text: printable(cell.text), paint: cell.paint };
  return { text: printable(String(cell)), paint: plain };
}

function pad(cell: PaintedCell, width: number, align: Column['align'], last: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(cell.text)));
  const painted = cell.text === '' ? '' : cell.paint(cell.text);
  if (align === 'right') return blanks + painted;
  return last ? painted : painted + blanks;
}

/**
 * Text from elsewhere (a job's owner, a cloud's message) must not move the cursor or recolour the terminal: what is
 * no visible character is written as its code.
 */
export function printable(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const combining = /\p{M}/u;

/** Columns on a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += combining.test(char) ? 0 : wide.test(char) ? 2 : 1;
  return width;
}
