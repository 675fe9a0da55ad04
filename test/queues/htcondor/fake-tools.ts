import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const data = resolve(import.meta.dirname, '../../data/htcondor');

export function recorded(path: string): string {
  return readFileSync(join(data, path), 'utf8');
}

export function recordedBytes(path: string): Buffer {
  return readFileSync(join(data, path));
}

export interface FakeAnswer {
  readonly tool: string;
  /** A part of the arguments, joined by spaces; the first row that fits answers. Absent: any. */
  readonly when?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exitCode?: number;
  /** Never answers, and neither does the child that it has started. */
  readonly hangs?: boolean;
}

export interface FakeTools {
  readonly bin: string;
  /** The arguments of every call so far, `tool arg arg …`. */
  calls(): readonly string[];
  /** Process ids of the children of tools that hang. */
  hanging(): readonly number[];
  answer(rows: readonly FakeAnswer[]): void;
  remove(): void;
}

/** Programs of HTCondor's names that replay recorded answers: real processes, real pipes, real exit codes. */
export function fakeTools(rows: readonly FakeAnswer[]): FakeTools {
  const bin = mkdtempSync(join(tmpdir(), 'fake-condor-'));
  const calls = join(bin, 'calls.log');
  const hanging = join(bin, 'hanging.log');
  writeFileSync(calls, '');
  writeFileSync(hanging, '');
  const answer = (answers: readonly FakeAnswer[]) => {
    for (const tool of new Set(answers.map((row) => row.tool))) {
      const cases = answers.flatMap((row, index) =>
        row.tool === tool ? [caseOf(row, join(bin, `${index}`))] : [],
      );
      const lines = [
        '#!/bin/sh',
        `printf '%s' '${tool}' >>'${calls}'; printf ' %s' "$@" >>'${calls}'; echo >>'${calls}'`,
        'case "$*" in',
        ...cases,
        'esac',
        'echo "no answer for $*" >&2; exit 99',
        '',
      ];
      writeFileSync(join(bin, tool), lines.join('\n').replaceAll('HANGING', hanging));
      chmodSync(join(bin, tool), 0o755);
    }
  };
  answer(rows);
  const lines = (path: string) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  return {
    bin,
    calls: () => lines(calls),
    hanging: () => lines(hanging).map(Number),
    answer,
    remove: () => rmSync(bin, { recursive: true, force: true }),
  };
}

function caseOf(row: FakeAnswer, base: string): string {
  writeFileSync(`${base}.out`, row.stdout ?? '');
  writeFileSync(`${base}.err`, row.stderr ?? '');
  const pattern = row.when === undefined ? '*' : `*'${row.when}'*`;
  const says = `cat '${base}.out'; cat '${base}.err' >&2; exit ${row.exitCode ?? 0}`;
  return `${pattern}) ${row.hangs === true ? "sleep 1000 & echo $! >>'HANGING'; wait" : says} ;;`;
}
