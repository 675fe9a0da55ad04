import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { flatten } from '../../src/cli/completion/outline.ts';
import { programOutline } from '../../tools/man/program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = ['README.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: root })].toSorted();
const commands = flatten(programOutline());
const npmScripts: Readonly<Record<string, string>> = JSON.parse(read('package.json')).scripts;

/** Code blocks and spans, without comments. */
function codeOf(text: string): readonly string[] {
  const fenced = [...text.matchAll(/^```[^\n]*\n(.*?)^```/gms)].flatMap(([, block = '']) =>
    block.split('\n'),
  );
  const prose = text.replaceAll(/^```[^\n]*\n.*?^```/gms, '');
  const indented = [...prose.matchAll(/^ {4,}(\S.*)$/gm)].map(([, line = '']) => line);
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  return [...fenced, ...indented, ...spans].map((line) => line.replace(/\s+#.*$/, '').trim());
}

/** What somebody is told to type: `spillway …`, wherever it is installed. */
function linesOf(text: string): readonly string[] {
  return codeOf(text).flatMap((line) => {
    const [, rest] =
      /^(?:\$ |> )?(?:sudo |runuser .* -- )?(?:scripts\/)?spillway ([a-z-].*)$/.exec(line) ?? [];
    return rest === undefined ? [] : [rest];
  });
}

/** Up to what is handed on: a command on the machine, the next program of a pipe. */
const ownWords = (line: string) =>
  (line.split(/ -- | [|>&] ?/)[0] ?? '').split(/\s+/).filter((word) => word !== '');

function wrongIn(line: string): string | null {
  const words = ownWords(line);
  const [first = ''] = words;
  if (first.startsWith('-')) return ['--version', '--help'].includes(first) ? null : `no option ${first}`;
  if (first === 'help') return null;
  const command = commands
    .filter(({ path }) => path.split(' ').every((word, at) => words[at] === word))
    .toSorted((a, b) => b.path.length - a.path.length)[0];
  if (command === undefined) return 'no such command';
  const known = [...command.options.flatMap(({ flags }) => flags), '-h', '--help'];
  const asked = words
    .map((word) => word.replaceAll(/[[\]().,…]/g, ''))
    .flatMap((word) => word.split('|'))
    .filter((word) => /^--?[a-z]/.test(word));
  const unknown = asked.filter((word) => !known.includes(word));
  return unknown.length === 0 ? null : `no option ${unknown.join(', ')}`;
}

/** As web pages of a repository name the parts of a page. */
const partsOf = (text: string) =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe.each(pages)('%s', (page) => {
  const text = read(page);

  test('tells nobody to type what is no command, or an option that it does not have', () => {
    const wrong = linesOf(text).flatMap((line) => {
      const why = wrongIn(line);
      return why === null ? [] : [`spillway ${line}: ${why}`];
    });
    expect(wrong).toEqual([]);
  });

  test('names scripts that there are', () => {
    const code = codeOf(text).join('\n');
    const ours = [...code.matchAll(/(?<![\w/.-])(scripts\/[\w./-]*\w)/g)].map(([, path = '']) => path);
    expect(ours.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const asked = [...code.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
    expect(asked.filter((name) => npmScripts[name] === undefined)).toEqual([]);
  });

  test('has links that lead somewhere', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    const broken = links.flatMap(([, path = '', part]) => {
      const target = path === '' ? page : normalize(join(dirname(page), path));
      if (!existsSync(join(root, target))) return [path];
      if (part === undefined || !target.endsWith('.md')) return [];
      return partsOf(read(target)).includes(part) ? [] : [`${path}#${part}`];
    });
    expect(broken).toEqual([]);
  });
});

test('a planted mistake is found', () => {
  expect(linesOf('    spillway plan --jsn   # what\n\nand `sudo spillway polish`')).toEqual([
    'plan --jsn',
    'polish',
  ]);
  expect(wrongIn('plan --jsn')).toBe('no option --jsn');
  expect(wrongIn('polish')).toBe('no such command');
  expect(wrongIn('lease --pool desks -- sh -c --never')).toBeNull();
});
