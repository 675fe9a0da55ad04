import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** docs/queues/torque.md as those follow it who set a worker node up. */
const checkout = resolve(import.meta.dirname, '../../..');
const page = readFileSync(join(checkout, 'docs/queues/torque.md'), 'utf8');

function blocks(language: string): readonly string[] {
  return [...page.matchAll(/^```(\w*)\n(.*?)^```/gms)].flatMap(([, word, text = '']) =>
    word === language ? [text] : [],
  );
}

/** Every line that is to be typed, without its comment. */
export function commandsOfPage(): readonly string[] {
  return blocks('sh').flatMap((block) =>
    block
      .split('\n')
      .map((line) => line.replace(/\s+#.*$/, '').trim())
      .filter((line) => line !== ''),
  );
}

export function siteOfPage(): string {
  const [yaml] = blocks('yaml');
  if (yaml === undefined) throw new Error('the page has no site');
  return yaml;
}

/** The mom's own settings: `$job_starter` and so on, by name. */
export function momConfigOfPage(): ReadonlyMap<string, string> {
  const lines = blocks('').join('').split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^\$(\w+) (.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** Runs the page's `install` lines, as if `root` were the root folder. */
export function installByPage(root: string): void {
  for (const command of commandsOfPage().filter((line) => line.startsWith('install '))) {
    const words = command.split(/\s+/).map((word) => (word.startsWith('/') ? join(root, word) : word));
    const target = words.at(-1) ?? '';
    mkdirSync(command.endsWith('/') ? target : dirname(target), { recursive: true });
    const [program = '', ...args] = words;
    execFileSync(program, args, { cwd: checkout });
  }
}
