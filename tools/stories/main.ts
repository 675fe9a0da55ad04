import { readFileSync, writeFileSync } from 'node:fs';
import { pagePath, pageWith, readStories, readTests, storyTable } from './table.ts';

/** Writes the table of docs/stories.md anew from the stories and the names of their tests. */
writeFileSync(pagePath, pageWith(readFileSync(pagePath, 'utf8'), storyTable(readStories(), readTests())));
