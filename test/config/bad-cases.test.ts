import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configBytesMax, loadSite } from '../../src/config/load.ts';
import { problemsMax } from '../../src/config/report.ts';
import { problemsOf, toyDeps, toyFiles, toyFilesWithAds } from './toy-site.ts';

interface BadCase {
  readonly section: string;
  readonly what: string;
  readonly file: string;
  readonly marks: Readonly<Record<'-' | '+' | '=' | '!', readonly string[]>>;
}

const cases = readTable(readFileSync(new URL('bad-cases.txt', import.meta.url), 'utf8'));
const sections = [...new Set(cases.map(({ section }) => section))];

describe('the table of bad configs', () => {
  it('has its cases, each with a name of its own and something to say', () => {
    expect(cases.length).toBeGreaterThanOrEqual(120);
    expect(new Set(cases.map(({ section, what }) => `${section}: ${what}`)).size).toBe(cases.length);
    expect(cases.filter(({ marks }) => marks['!'].length === 0)).toEqual([]);
  });

  describe.each(sections)('%s', (section) => {
    it.each(cases.filter((row) => row.section === section))('$what', async ({ file, marks }) => {
      const files = file === 'offers.ads' ? toyFilesWithAds : toyFiles;
      const text = marks['='].length > 0 ? wholeText(marks['=']) : changed(String(files[file]), marks);
      expect(await problemsOf({ ...files, [file]: text })).toEqual(marks['!']);
    });
  });
});

describe('files that no table can show', () => {
  const bomb = [
    'a0: &a0 [x, x, x, x, x, x, x, x, x]',
    ...Array.from({ length: 8 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`),
  ].join('\n');

  it.each([
    [
      'bytes that are not UTF-8',
      Buffer.from([0x73, 0x3a, 0xff, 0xfe]),
      'site.yaml: the file is not UTF-8 text',
    ],
    ['a file too large', '#'.repeat(configBytesMax + 1), 'site.yaml: the file is larger than 1048576 bytes'],
    ['aliases that multiply', bomb, 'site.yaml:1:1 the aliases stand for too much text'],
    ['brackets without end', `site: ${'['.repeat(100_000)}`, 'site.yaml:1:39 nested too deep'],
    ['lists in lists without end', '- '.repeat(100_000), 'site.yaml:1:241 nested too deep'],
    ['maps in maps without end', deepMaps(200), 'site.yaml:62:123 nested too deep'],
    [
      'more aliases than a config wants',
      `a: &a [1]\nb: [${Array(101).fill('*a').join(', ')}]`,
      'site.yaml:2:405 more than 100 aliases',
    ],
  ])('%s', async (_, content, message) => {
    expect(await problemsOf({ 'site.yaml': content })).toEqual([message]);
  });

  it('a file that is not there, and a folder', async () => {
    const said = async (path: string) => (await loadSite(path, toyDeps({}))).problems.map((p) => p.message);
    expect(await said('nowhere.yaml')).toEqual(['the file does not exist']);
    expect(await said('folder')).toEqual(['the file is a directory']);
  });

  it('more problems than anybody reads', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => `x${i}: 1`).join('\n');
    const said = await problemsOf({ 'site.yaml': many });
    expect(said).toHaveLength(problemsMax + 1);
    expect(said.at(-1)).toBe('site.yaml: 1504 more problems are not shown');
  });

  it('a boot template larger than the cloud takes', async () => {
    expect(await problemsOf({ ...toyFiles, 'boot.sh': 'x'.repeat(16_385) })).toEqual([
      'site.yaml:26:15 pools[0].userData: the file has 16385 bytes, the cloud "here" takes 16384',
    ]);
  });
});

function readTable(text: string): readonly BadCase[] {
  const rows: BadCase[] = [];
  let section = '';
  for (const block of text.split('\n\n').slice(2)) {
    if (block.startsWith('# ')) {
      section = block.slice(2);
      continue;
    }
    const [head = '', ...lines] = block.trimEnd().split('\n');
    const file = lines.find((line) => line.startsWith('file '))?.slice(5) ?? 'site.yaml';
    const marked = (mark: string) =>
      lines.filter((line) => line === mark || line.startsWith(`${mark} `)).map((line) => line.slice(2));
    const marks = { '-': marked('-'), '+': marked('+'), '=': marked('='), '!': marked('!') };
    rows.push({ section, what: head.replace(/^\* /, ''), file, marks });
  }
  return rows;
}

/** The text with the lines marked -, which stand in it once, replaced by those marked +. */
function changed(text: string, marks: BadCase['marks']): string {
  const before = `\n${marks['-'].join('\n')}\n`;
  const parts = `\n${text}`.split(before);
  expect(parts).toHaveLength(2);
  return parts.join(marks['+'].length === 0 ? '\n' : `\n${marks['+'].join('\n')}\n`).slice(1);
}

function wholeText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function deepMaps(depth: number): string {
  return Array.from({ length: depth }, (_, i) => `${'  '.repeat(i)}a:`).join('\n');
}
