import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface NosyTools {
  readonly bin: string;
  /** A command for a hook: it notes the same. */
  readonly hook: string;
  /** Arguments, environments and standard inputs of all that was run so far. */
  seen(): string;
  /** From now on each fails, and says on standard error all that it was given. */
  fail(on: boolean): void;
}

/** HTCondor's programs by name, which answer as those of an empty pool, and write down what they were given. */
export function nosyTools(folder: string): NosyTools {
  const bin = join(folder, 'bin');
  const log = join(folder, 'seen.log');
  const failing = join(folder, 'fail');
  mkdirSync(bin);
  writeFileSync(log, '');
  const totals =
    '\n\n-- Schedd: schedd@pool : <127.0.0.1:9618?... @ 11/22/26 05:38:17\n' +
    'Total for query: 0 jobs; 0 completed, 0 removed, 0 idle, 0 running, 0 held, 0 suspended \n' +
    'Total for all users: 0 jobs; 0 completed, 0 removed, 0 idle, 0 running, 0 held, 0 suspended\n';
  writeFileSync(join(folder, 'totals'), totals);
  const program = (name: string, answers: string) => {
    const path = join(bin, name);
    const lines = [
      '#!/bin/sh',
      `{ printf '%s ' "$0" "$@"; echo; env; cat; } >>'${log}' 2>&1`,
      `if [ -e '${failing}' ]; then { printf '%s ' "$0" "$@"; env; } >&2; exit 1; fi`,
      answers,
      '',
    ];
    writeFileSync(path, lines.join('\n'));
    chmodSync(path, 0o755);
    return path;
  };
  program('condor_q', `case "$*" in *-totals*) cat '${join(folder, 'totals')}';; esac`);
  program('condor_status', `case "$*" in *-collector*) echo 'My Pool';; esac`);
  for (const name of ['condor_drain', 'condor_advertise', 'condor_userprio']) program(name, 'exit 0');
  return {
    bin,
    hook: program('hook', 'exit 0'),
    seen: () => readFileSync(log, 'utf8'),
    fail: (on) => {
      if (on) writeFileSync(failing, '');
      else if (existsSync(failing)) rmSync(failing);
    },
  };
}
