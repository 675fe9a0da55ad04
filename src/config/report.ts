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
  readonly failed: boolean;
}

export function createReport(): Report {
  const problems: Problem[] = [];
  const add: Report['add'] = (severity, place, message) => {
    const { file, line, column, path } = place;
    const same = (other: Problem) =>
      other.file === file &&
      other.line === line &&
      other.column === column &&
      other.path === path &&
      other.message === message;
    if (!problems.some(same)) problems.push({ severity, file, line, column, path, message });
  };
  return {
    problems,
    add,
    findings: (locate, findings) => {
      for (const { path, at, message } of findings) add('error', locate(path, at), message);
    },
    take: (more) => {
      problems.push(...more);
    },
    get failed() {
      return problems.some((problem) => problem.severity === 'error');
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
