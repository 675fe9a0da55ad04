import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { flatten, nameOf } from '../../src/cli/completion/outline.ts';
import { completionScript, type Shell, shells } from '../../src/cli/completion/scripts.ts';
import { programOutline } from '../../tools/man/program.ts';
import { cli } from '../support/runCli.ts';

const program = programOutline();
const folder = mkdtempSync(join(tmpdir(), 'spillway-completion-'));
afterAll(() => rmSync(folder, { recursive: true }));
for (const shell of shells) writeFileSync(join(folder, shell), completionScript(shell, program));
for (const name of ['a site.yaml', 'other.txt']) writeFileSync(join(folder, name), '');

function shellIsHere(shell: Shell): boolean {
  return spawnSync(shell, ['-c', 'true']).status === 0;
}

/** What would be offered for the last of the words. */
const offered: Readonly<Record<Shell, (words: readonly string[]) => readonly string[]>> = {
  bash: (words) =>
    lines('bash', [
      '-c',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: bash fills it in.
      'source ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _spillway; printf "%s\\n" ${COMPREPLY[*]}',
      'bash',
      ...words,
    ]),
  // Its completion system runs in an interactive shell only: what the script tells it is caught here.
  zsh: (words) =>
    lines('zsh', [
      '-f',
      '-c',
      `_describe() { local list=\${@[-1]}; for item in "\${(@P)list}"; do print -r -- "\${item%%:*}"; done }
      _files() { print -l -- *(N) }
      compdef() { }
      words=("$@"); CURRENT=$#; PREFIX=\${@[-1]}
      source ./zsh; _spillway`,
      'zsh',
      ...words,
    ]).filter((word) => word.startsWith(words.at(-1) ?? '')),
  fish: (words) =>
    lines('fish', ['--no-config', '-c', 'source ./fish; complete -C "$argv"', '--', words.join(' ')]).map(
      (line) => line.split('\t')[0] ?? '',
    ),
};

function lines(program: string, args: readonly string[]): readonly string[] {
  const text = execFileSync(program, args, { cwd: folder, encoding: 'utf8' });
  return text.split('\n').filter((line) => line !== '');
}

describe.each(shells)('completion by %s', (shell) => {
  it('is what `spillway completion` prints', async () => {
    const { code, stdout } = await cli(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout).toContain('downtime add');
  });

  it('knows every command and every option', () => {
    const script = completionScript(shell, program);
    for (const { path, options } of flatten(program)) {
      expect(script).toContain(path);
      for (const flag of options.flatMap(({ flags }) => flags))
        expect(script).toContain(
          shell === 'fish' ? flag.replace(/^--/, '-l ').replace(/^-(?=\w$)/, '-s ') : flag,
        );
    }
  });

  const what = it.skipIf(!shellIsHere(shell));

  what('offers commands', () => {
    const top = program.commands.map(nameOf);
    expect(offered[shell](['spillway', ''])).toEqual(expect.arrayContaining(top));
    expect(offered[shell](['spillway', 'inst'])).toEqual(['instance']);
    expect(offered[shell](['spillway', 'instance', 'dr'])).toEqual(['drain']);
  });

  what('offers the options of the command that is typed', () => {
    const found = offered[shell](['spillway', 'pool', 'scale', 'name', '--m']);
    expect(found.toSorted()).toEqual(['--max', '--min']);
  });

  what('offers what an option takes', () => {
    const found = offered[shell](['spillway', 'run', '--log-level', 'w']);
    expect(found).toEqual(['warn']);
    expect(offered[shell](['spillway', 'completion', 'fi'])).toEqual(['fish']);
  });

  what('offers files where a file belongs', () => {
    expect(offered[shell](['spillway', 'check', 'oth'])).toEqual(['other.txt']);
    expect(offered[shell](['spillway', 'pool', 'pause', 'oth'])).toEqual([]);
  });
});
