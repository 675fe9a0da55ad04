import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { classadCommand } from '../../src/cli/classad.ts';

/** The session in docs/classads.md: `cat` shows a file that later commands read, all else is run. */
interface Shown {
  readonly command: string;
  readonly output: string;
}

const text = readFileSync(new URL('../../docs/classads.md', import.meta.url), 'utf8');
const sessions = [...text.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, body = '']) => body);
const shown: readonly Shown[] = sessions.flatMap((session) =>
  session
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...lines] = part.split('\n');
      return { command, output: lines.join('\n') };
    }),
);

const folder = mkdtempSync(join(tmpdir(), 'spillway-classad-docs-'));
afterAll(() => rmSync(folder, { recursive: true }));

function wordsOf(command: string): readonly string[] {
  const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
  return words.map((word) => (/^[a-z]+\.(?:ad|json)$/.test(word) ? join(folder, word) : word));
}

async function run(args: readonly string[], input: string): Promise<string> {
  const output = new PassThrough();
  const program = new Command().exitOverride();
  classadCommand(program, {
    input: Readable.from([input]),
    output,
    errors: output,
    nowSeconds: () => 1000,
    monotonicSeconds: () => 0,
    random: () => 0.5,
    setExitCode: () => {},
  });
  await program.parseAsync([...args], { from: 'user' });
  output.end();
  return (await output.toArray()).join('');
}

/** How long a run takes is its own affair. */
const untimed = (output: string) => output.replace(/"seconds":.*\}/, '"seconds":…}');

describe('what docs/classads.md shows', () => {
  for (const { command, output } of shown.filter((one) => one.command.startsWith('cat '))) {
    writeFileSync(join(folder, command.slice(4)), output);
  }

  it.each(shown.filter((one) => !one.command.startsWith('cat ')))(
    'is so: $command',
    async ({ command, output }) => {
      const piped = /^echo '([^']*)' \| spillway (.*)$/.exec(command);
      const args = piped?.[2] ?? command.replace(/^spillway /, '');
      expect(untimed(await run(wordsOf(args), `${piped?.[1] ?? ''}\n`))).toBe(untimed(output));
    },
  );

  it('is a whole session', () => {
    expect(shown.length).toBeGreaterThan(8);
  });
});
