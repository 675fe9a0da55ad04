import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type ColumnResults, columnResults, type Outcome, proofs, resultsFolder } from './results.ts';

const root = join(import.meta.dirname, '../..');

/** The pages that have a matrix, each with the folder of its columns and the command that runs its suite again. */
export const matrices = [
  { page: 'docs/clouds.md', suite: 'drivers', what: 'driver' },
  { page: 'docs/queues.md', suite: 'adapters', what: 'adapter' },
] as const;
export type Matrix = (typeof matrices)[number];

const begin = '<!-- conformance: written by `npm run conformance`; do not edit -->';
const end = '<!-- conformance: end -->';

/** The columns of a suite: by part, and the best proof first. */
export function readColumns({ suite }: Matrix): readonly ColumnResults[] {
  return globSync(`${resultsFolder}/${suite}/*.json`, { cwd: root })
    .toSorted((a, b) => (basename(a) < basename(b) ? -1 : 1))
    .map((path) => columnResults.parse(JSON.parse(readFileSync(join(root, path), 'utf8'))))
    .toSorted((a, b) => compare(a.part, b.part) || proofs.indexOf(a.proven) - proofs.indexOf(b.proven));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The page with its matrix as the columns have it. Throws where the page has no place for one. */
export function withMatrix(page: string, columns: readonly ColumnResults[], what: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no lines "${begin}" and "${end}"`);
  return `${page.slice(0, from + begin.length)}\n\n${matrixText(columns, what)}\n${page.slice(to)}`;
}

export function matrixText(columns: readonly ColumnResults[], what: string): string {
  if (columns.length === 0) return `No ${what} has been run through the suite yet.\n`;
  const reasons = [...new Set(columns.flatMap(gapsOf))];
  const titles = [...new Set(columns.flatMap(({ cases }) => Object.keys(cases)))];
  const count = (column: ColumnResults, wanted: Outcome) =>
    Object.values(column.cases).filter((outcome) => outcome === wanted).length;
  const summary = table(
    ['', what, 'proven', 'run on', 'passed', 'gaps', 'failed'],
    columns.map((column, at) => [
      letter(at),
      `\`${column.part}\``,
      column.proven,
      column.server,
      String(count(column, 'passed')),
      String(gapsOf(column).length),
      String(count(column, 'failed')),
    ]),
  );
  const cases = table(
    ['case', ...columns.map((column, at) => `${letter(at)}: ${column.part}, ${column.proven}`)],
    titles.map((title) => [title, ...columns.map(({ cases: own }) => cell(own[title], reasons))]),
  );
  const gaps = reasons.map((reason, at) => `${at + 1}. ${reason}`);
  return [summary, cases, ...(gaps.length === 0 ? [] : [`Gaps:\n\n${gaps.join('\n')}\n`])].join('\n');
}

function gapsOf({ cases }: ColumnResults): readonly string[] {
  return Object.values(cases).flatMap((outcome) => (typeof outcome === 'object' ? [outcome.gap] : []));
}

function cell(outcome: Outcome | undefined, reasons: readonly string[]): string {
  if (outcome === undefined) return 'not run';
  if (outcome === 'passed') return 'yes';
  return outcome === 'failed' ? '**failed**' : `gap ${reasons.indexOf(outcome.gap) + 1}`;
}

const letter = (at: number) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[at] ?? String(at);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |\n`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('');
}

const escaped = (text: string) => text.replaceAll('|', '\\|');
