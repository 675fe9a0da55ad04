import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { pagePath, pageWith, readStories, readTests, storyTable } from '../../tools/stories/table.ts';

const stories = readStories();
const tests = readTests();

describe('the stories, their tests and their page', () => {
  test('each test of a story cites a thread of the list', () => {
    const known = new Set(stories.flatMap(({ threads }) => threads));
    expect(tests.filter(({ thread }) => !known.has(thread))).toEqual([]);
  });

  test('each story has a test', () => {
    const cited = new Set(tests.map(({ thread }) => thread));
    const untold = stories.filter(({ threads }) => !threads.some((thread) => cited.has(thread)));
    expect(untold).toEqual([]);
    expect(stories.map(({ number }) => number)).toEqual(stories.map((_, at) => at + 1));
  });

  test('docs/stories.md names them (`node tools/stories/main.ts` writes its table)', () => {
    const page = readFileSync(pagePath, 'utf8');
    expect(page).toBe(pageWith(page, storyTable(stories, tests)));
  });
});
