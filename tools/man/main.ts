import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { manual } from './pages.ts';
import { programOutline } from './program.ts';

/** `npm run man -- FOLDER` writes the manual pages into a folder: the packages are made with them. */
const folder = process.argv[2];
if (folder === undefined) {
  process.stderr.write('usage: npm run man -- FOLDER\n');
  process.exit(2);
}
const root = resolve(import.meta.dirname, '../..');
const { version }: { version: string } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const reference = await readFile(join(root, 'docs/cli.md'), 'utf8');
await mkdir(folder, { recursive: true });
for (const [name, text] of manual({ program: programOutline(), version, reference }))
  await writeFile(join(folder, name), text);
