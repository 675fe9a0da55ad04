import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { flatten } from '../../src/cli/completion/outline.ts';
import { manual } from '../../tools/man/pages.ts';
import { programOutline } from '../../tools/man/program.ts';
import { blocks, inline, plain } from '../../tools/man/roff.ts';

const program = programOutline();
const reference = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const pages = manual({ program, version: '1.2.3', reference });

describe('the manual', () => {
  it('has a page for each command, and one for all', () => {
    const names = program.commands.map(({ path }) => `spillway-${path}.1`);
    expect([...pages.keys()].toSorted()).toEqual(['spillway.1', ...names].toSorted());
  });

  it.each(flatten(program).filter(({ commands }) => commands.length === 0))(
    '$path: is described, with every option of its own',
    ({ path, description, options }) => {
      const flags = options
        .flatMap((option) => option.flags)
        .filter((flag) => flag !== '--help' && flag !== '-h');
      const [top = ''] = path.split(' ');
      const text = pages.get(`spillway-${top}.1`) ?? '';
      expect(pages.get('spillway.1')).toContain(`${plain(path)}\\fR\n${plain(description)}`);
      for (const flag of flags) expect(text + (pages.get('spillway.1') ?? '')).toContain(plain(flag));
    },
  );

  it('says the version, the exit codes and the files', () => {
    const text = pages.get('spillway.1') ?? '';
    expect(text).toContain('Spillway 1.2.3');
    expect(text).toContain('.TP\n130\ninterrupted\n');
    expect(text).toContain('/etc/spillway/site.yaml');
  });

  it.skipIf(spawnSync('mandoc', ['-T', 'lint', '/dev/null']).error !== undefined)('is good roff', () => {
    for (const text of pages.values()) {
      const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning'], {
        input: text,
        encoding: 'utf8',
      });
      expect(stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date'))).toEqual([]);
    }
  });
});

describe('Markdown as roff', () => {
  it.each([
    ['a `--flag` and **more**', 'a \\fB\\-\\-flag\\fR and \\fBmore\\fR'],
    ['[money](money.md), *daemon time*', 'money, \\fIdaemon time\\fR'],
    ['.start of a macro', '\\&.start of a macro'],
    ['a\\b', 'a\\eb'],
  ])('%s', (markdown, roff) => {
    expect(inline(markdown)).toBe(roff);
  });

  it('has examples, tables and lists', () => {
    const text =
      'One\nline.\n\n    spillway x\n\n| a | b |\n| --- | --- |\n| `0` | done |\n\nAnd\n- one\n  more\n- two';
    const roff = [
      '.PP|One line.',
      '.PP|.nf|.RS 4|spillway x|.RE|.fi',
      '.TP|\\fB0\\fR|done',
      '.PP|And|.IP \\(bu 3|one more|.IP \\(bu 3|two',
    ];
    expect(blocks(text).join('|')).toBe(roff.join('|'));
  });
});
