import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { phases } from '../../src/model/instance.ts';
import { journalKinds } from '../../src/model/journal.ts';

const page = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');

/** Every command line that the page tells somebody to type; test/docs looks at the commands themselves. */
const lines = [...page.matchAll(/(?:`|^ {4})spillway ([a-z][^`\n#]*)/gm)].map(([, line = '']) => line.trim());

describe('docs/troubleshooting.md', () => {
  test.each([...new Set(lines)])('spillway %s: asks for kinds and phases that there are', (line) => {
    const words = line.split(' ');
    const kinds: readonly string[] = journalKinds;
    const asked = words.filter((_, at) => words[at - 1] === '--kind');
    expect(asked.filter((kind) => !kinds.includes(kind))).toEqual([]);
    const steps: readonly string[] = phases;
    expect(words.filter((word, at) => words[at - 1] === '--phase' && !steps.includes(word))).toEqual([]);
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
