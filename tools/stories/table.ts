import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const root = resolve(import.meta.dirname, '../..');
const testFolder = join(root, 'test/stories');

export const pagePath = join(root, 'docs/stories.md');

const stories = z.array(
  z.strictObject({ number: z.number(), threads: z.array(z.string()).min(1), what: z.string() }),
);

/** A failure of another provisioner, and the public threads that tell of it. */
export type Story = z.output<typeof stories>[number];

export function readStories(): readonly Story[] {
  const path = join(root, 'test/data/failure-stories/stories.json');
  return stories.parse(JSON.parse(readFileSync(path, 'utf8')));
}

/** A test by the thread that its name begins with. */
export interface StoryTest {
  readonly file: string;
  readonly thread: string;
  readonly name: string;
}

const cited = /^(?<thread>[\w./ -]+ (?:PR )?(?:#\d+|[0-9a-f]{9}|\d+(?:\.\d+)+)): /;

/** Every test of the stories; one whose name cites no thread has an empty one. */
export function readTests(): readonly StoryTest[] {
  const files = readdirSync(testFolder).filter(
    (file) => file.endsWith('.test.ts') && file !== 'list.test.ts',
  );
  return files.flatMap((file) => {
    const text = readFileSync(join(testFolder, file), 'utf8');
    return namesIn(text).map((name) => ({ file, name, thread: cited.exec(name)?.groups?.thread ?? '' }));
  });
}

/** The first argument of each call of `test`, `test.each(…)` among them. */
function namesIn(text: string): readonly string[] {
  const calls = text.matchAll(
    /\btest(?:\.each\((?:[^()]|\([^()]*\))*\))?\(\s*(['"])(?<name>(?:(?!\1).)+)\1/g,
  );
  return [...calls].flatMap(({ groups }) => groups?.name ?? []);
}

/** The rows of docs/stories.md. */
export function storyTable(all: readonly Story[], tests: readonly StoryTest[]): string {
  const rows = all.map(({ number, threads, what }) => {
    const own = tests.filter(({ thread }) => threads.includes(thread));
    const files = [...new Set(own.map(({ file }) => file))].map((file) => {
      const cites = [...new Set(own.filter((one) => one.file === file).map(({ thread }) => thread))];
      return `\`${file}\`: ${cites.join(', ')}`;
    });
    return `| ${number} | ${threads.join(', ')} | ${what} | ${files.join('; ')} |`;
  });
  return ['| | threads | what happened there | tests here |', '| --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}

/** The page with its table made anew. */
export function pageWith(page: string, table: string): string {
  const begin = page.indexOf('| | threads |');
  const end = page.indexOf('\n\n', begin);
  return `${page.slice(0, begin)}${table}${end < 0 ? '\n' : page.slice(end)}`;
}
