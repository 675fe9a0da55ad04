/** One thing that is wrong with a config, at the place in the file where a person would mend it. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** As the person named it. */
  readonly file: string;
  /** Both from 1; 0 where the problem is the file as a whole. */
  readonly line: number;
  readonly column: number;
  /** Of the field, as in `pools[0].min`; empty where it is not about a field. */
  readonly path: string;
  readonly message: string;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

export type FieldPath = readonly (string | number)[];

/** `site.yaml:3:10 pools[0].min: expected number, got "two"`; a warning says so before its message. */
export function formatProblem(problem: Problem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const path = problem.path === '' ? '' : ` ${problem.path}`;
  const mark = problem.severity === 'warning' ? 'warning: ' : '';
  const colon = problem.line === 0 || path !== '' ? ':' : '';
  return `${place}${path}${colon} ${mark}${problem.message}`;
}

/** The first file's before all others, each file's by place; at one place errors first. */
export function sortProblems(problems: readonly Problem[], firstFile: string): readonly Problem[] {
  const files = [...new Set([firstFile, ...problems.map((problem) => problem.file)])];
  const rank = (problem: Problem) => files.indexOf(problem.file);
  return problems.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      a.line - b.line ||
      a.column - b.column ||
      a.severity.localeCompare(b.severity) ||
      a.path.localeCompare(b.path),
  );
}

/** `['pools', 0, 'min']` → `pools[0].min`; a name that is no word is quoted. */
export function formatPath(path: FieldPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step.length > 40 ? `${step.slice(0, 40)}…` : step)}]`;
  }
  return text;
}

/** A value as a message may show it: short, and never a whole structure. */
export function showValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return `${value}`;
  return typeof value === 'object' ? 'a map' : 'an expression';
}
