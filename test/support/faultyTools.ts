import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

/** What a command-line tool does wrong. `before` and `after`: the real tool, which does what it does, or never runs. */
export type ToolFault =
  /** It fails with what a real one once said; the real tool does not run. */
  | { readonly kind: 'refused'; readonly exitCode?: number; readonly stderr: string }
  /** It says nothing and reports success. */
  | { readonly kind: 'empty' }
  /** The first half of the real answer, with success: cut anywhere, or between two ads. */
  | { readonly kind: 'truncated'; readonly at: 'byte' | 'ad' }
  /** The last right answer to the same arguments, again and again. */
  | { readonly kind: 'stale' }
  /** It never ends. */
  | { readonly kind: 'hang'; readonly when: 'before' | 'after' }
  /** The real answer, when the rules change and not before. */
  | { readonly kind: 'slow' }
  /** Something else, with success; the real tool does not run. */
  | { readonly kind: 'other'; readonly stdout: string }
  /** One line again and again, for as long as anybody reads. */
  | { readonly kind: 'endless'; readonly line: string }
  /** It is killed without an answer. */
  | { readonly kind: 'killed'; readonly when: 'before' | 'after' };

export interface ToolRule {
  readonly fault: ToolFault;
  /** Absent: every tool. */
  readonly tool?: string;
  /** A part of the arguments, joined by spaces. Absent: any. */
  readonly args?: string;
  /** For so many calls; without it until it is cleared. */
  readonly times?: number;
}

export interface FaultyTools {
  /** What an adapter is given as the folder of the tools. */
  readonly bin: string;
  /** From the next call on these rules hold and no others; the first that fits is taken. */
  set(...rules: readonly ToolRule[]): void;
  clear(): void;
  /** How often the nth of the rules has been applied. */
  count(rule?: number): number;
  /** Resolves when that rule has been applied so often: a hang has begun, a tool that was to run has run. */
  applied(rule?: number, times?: number): Promise<void>;
  remove(): void;
}

/**
 * A folder of wrappers before the tools of another. A file beside them, read at each call, says what goes wrong: it is
 * switched while the daemon runs, and holds for tools that a helper process starts, too.
 */
export function faultyTools(real: { readonly bin: string; readonly tools: readonly string[] }): FaultyTools {
  const bin = mkdtempSync(join(tmpdir(), 'faulty-tools-'));
  const state = join(bin, 'state');
  let round = 0;
  for (const folder of ['said', 'applied']) mkdirSync(join(state, folder), { recursive: true });
  for (const tool of real.tools) {
    writeFileSync(join(bin, tool), wrapper({ tool, real: join(real.bin, tool), state }));
    chmodSync(join(bin, tool), 0o755);
  }
  const set = (...rules: readonly ToolRule[]) => {
    round += 1;
    const text = rules.map((rule, at) => ruleLines(rule, { name: `${round}.${at}`, state })).join('');
    // At once for whoever reads it.
    writeFileSync(join(state, 'faults.new'), `fault=none\n${text}`);
    renameSync(join(state, 'faults.new'), join(state, 'faults'));
  };
  set();
  const count = (rule = 0) =>
    readdirSync(join(state, 'applied')).filter((name) => name.startsWith(`${round}.${rule}.`)).length;
  return {
    bin,
    set,
    clear: () => set(),
    count,
    applied: async (rule = 0, times = 1) => {
      await eventually(`fault ${rule} is applied`, () => count(rule) >= times, { everyMs: 10 });
    },
    remove: () => {
      if (existsSync(bin)) rmSync(bin, { recursive: true, force: true });
    },
  };
}

const quote = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** Shell lines that choose the fault of a call: the first rule that fits, and has calls left, wins. */
function ruleLines(
  { fault, tool, args, times }: ToolRule,
  { name, state }: { readonly name: string; readonly state: string },
): string {
  const when = 'when' in fault ? fault.when : 'at' in fault ? fault.at : '';
  const refused = fault.kind === 'refused' ? fault : { exitCode: 0, stderr: '' };
  const other = fault.kind === 'other' ? fault.stdout : fault.kind === 'endless' ? fault.line : '';
  writeFileSync(join(state, `stderr.${name}`), refused.stderr);
  writeFileSync(join(state, `stdout.${name}`), other);
  const pattern = `${tool === undefined ? '*' : quote(tool)}' '*${args === undefined ? '' : `${quote(args)}*`}`;
  const used = `$(ls "$state/applied" | grep -c '^${name.replace('.', '[.]')}[.]')`;
  const left = times === undefined ? 'true' : `[ "${used}" -lt ${times} ]`;
  return [
    `if [ $fault = none ] && ${left}; then case "$tool $*" in`,
    `${pattern}) fault=${fault.kind} when=${when} name=${name} code=${refused.exitCode ?? 1} ;;`,
    'esac; fi\n',
  ].join('\n');
}

function wrapper({ tool, real, state }: { tool: string; real: string; state: string }): string {
  return `#!/bin/sh
tool=${quote(tool)} real=${quote(real)} state=${quote(state)} name=
. "$state/faults"
said="$state/said/$tool.$(printf '%s\\n' "$@" | cksum | tr ' ' '-')"
note() { n=0; until mkdir "$state/applied/$name.$n" 2>/dev/null; do n=$((n + 1)); done; }
# Its answer goes into a file of this call first.
run() { "$real" "$@" >"$said.$$"; code=$?; }
give() { cat "$said.$$"; rm -f "$said.$$"; exit $code; }
case $fault in
none) run "$@"; [ $code != 0 ] || cp "$said.$$" "$said"; give ;;
refused) note; cat "$state/stderr.$name" >&2; exit "$code" ;;
empty) note; exit 0 ;;
truncated)
  run "$@"; note
  if [ $when = ad ]; then
    half=$(($(grep -c '^$' "$said.$$") / 2))
    awk -v half="$half" '{ if (n >= half) exit; print } /^$/ { n++ }' "$said.$$"
  else
    head -c $(($(wc -c <"$said.$$") / 2)) "$said.$$"
  fi
  rm -f "$said.$$"; exit $code ;;
stale)
  [ -e "$said" ] || { run "$@"; mv "$said.$$" "$said"; }
  note; cat "$said"; exit 0 ;;
hang) [ $when = before ] || run "$@"; note; exec sleep 1000 ;;
slow) note; while grep -q "name=$name " "$state/faults"; do sleep 0.02; done; run "$@"; give ;;
other) note; cat "$state/stdout.$name"; exit 0 ;;
endless) note; exec yes "$(cat "$state/stdout.$name")" ;;
killed) [ $when = before ] || run "$@"; note; kill -9 $$ ;;
esac
`;
}
