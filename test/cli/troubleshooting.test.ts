import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { flatten } from '../../src/cli/completion/outline.ts';
import { phases } from '../../src/model/instance.ts';
import { journalKinds } from '../../src/model/journal.ts';
import { programOutline } from '../../tools/man/program.ts';

const page = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');
const commands = flatten(programOutline());

/** Every command line that the page tells somebody to type. */
const lines = [...page.matchAll(/(?:`|^ {4})spillway ([a-z][^`\n#]*)/gm)].map(([, line = '']) => line.trim());

describe('docs/troubleshooting.md', () => {
  test.each([...new Set(lines)])('spillway %s', (line) => {
    const words = line.split(' ');
    // The longest command that the line begins with.
    const command = commands
      .filter(({ path }) => path.split(' ').every((word, at) => words[at] === word))
      .toSorted((a, b) => b.path.length - a.path.length)[0];
    expect(command, line).toBeDefined();
    const known = command?.options.flatMap(({ flags }) => flags) ?? [];
    expect(words.filter((word) => word.startsWith('-') && !known.includes(word))).toEqual([]);
    const kinds: readonly string[] = journalKinds;
    const asked = words.filter((_, at) => words[at - 1] === '--kind');
    expect(asked.filter((kind) => !kinds.includes(kind))).toEqual([]);
    const steps: readonly string[] = phases;
    expect(words.filter((word, at) => words[at - 1] === '--phase' && !steps.includes(word))).toEqual([]);
  });

  test('links lead to pages that are there', () => {
    for (const [, path = ''] of page.matchAll(/\]\(([a-z/]+\.md)(?:#[\w-]+)?\)/g))
      expect(existsSync(new URL(`../../docs/${path}`, import.meta.url)), path).toBe(true);
  });

  test('links within the page lead to its parts', () => {
    const titles = [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    );
    for (const [, part = ''] of page.matchAll(/\]\(#([\w-]+)\)/g)) expect(titles).toContain(part);
  });

  test('every reason why jobs wait has a row', () => {
    const codes = readFileSync(new URL('../../src/planner/plan.ts', import.meta.url), 'utf8');
    const room = readFileSync(new URL('../../src/planner/room.ts', import.meta.url), 'utf8');
    const union = (text: string, from: string) =>
      [...(text.split(from)[1]?.split(';')[0] ?? '').matchAll(/'(\w+)'/g)].map(([, code = '']) => code);
    const all = [...union(codes, "Shortage['code']\n"), ...union(room, 'readonly code:')];
    expect(all.length).toBeGreaterThan(15);
    for (const code of all) expect(page).toContain(`\`${code}\``);
  });
});
