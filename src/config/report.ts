import type { Finding } from './issues.ts';
import { type FieldPath, formatPath, type Problem } from './problem.ts';
import type { YamlSource } from './yaml-source.ts';

/** Where a field stands and how it is called there. */
export type Place = Pick<Problem, 'file' | 'line' | 'column' | 'path'>;
export type Locate = (path: FieldPath, at?: 'key' | 'value') => Place;

/** Collects problems while a config is read: all of them, in any order. */
export interface Report {
  readonly problems: readonly Problem[];
  add(severity: Problem['severity'], place: Place, message: string): void;
  findings(locate: Locate, findings: readonly Finding[]): void;
  take(problems: readonly Problem[]): void;
  /** Whether there is any error. */
  readonly failed: boolean;
  /** Problems beyond `problemsMax`, which are counted and not kept. */
  readonly left: number;
}

/** Nobody reads more at once; a file that is no config at all would have tens of thousands. */
export const problemsMax = 500;

export function createReport(): Report {
  const problems = new Map<string, Problem>();
  let failed = false;
  let left = 0;
  const add: Report['add'] = (severity, place, message) => {
    const { file, line, column, path } = place;
    const key = JSON.stringify([file, line, column, path, message]);
    failed ||= severity === 'error';
    if (problems.has(key)) return;
    if (problems.size < problemsMax) problems.set(key, { severity, file, line, column, path, message });
    else left += 1;
  };
  return {
    get problems() {
      return [...problems.values()];
    },
    get left() {
      return left;
    },
    get failed() {
      return failed;
    },
    add,
    findings: (locate, findings) => {
      for (const { path, at, message } of findings) add('error', locate(path, at), message);
    },
    take: (more) => {
      for (const problem of more) add(problem.severity, problem, problem.message);
    },
  };
}

/** Places in a YAML file, for the fields below a path. */
export function locateIn(source: YamlSource, base: FieldPath = []): Locate {
  return (path, at = 'value') => {
    const whole = [...base, ...path];
    return { file: source.file, path: formatPath(whole), ...source.position(whole, at) };
  };
}

/** A file as a whole. */
export function wholeFile(file: string): Place {
  return { file, line: 0, column: 0, path: '' };
}
