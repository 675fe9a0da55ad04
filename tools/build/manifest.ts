import { readFile } from 'node:fs/promises';

/** Prints package.json as a package carries it: without what only the checkout has a use for. */
const manifest: Readonly<Record<string, unknown>> = JSON.parse(
  await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
);
const { scripts: _scripts, devDependencies: _tools, ...kept } = manifest;
process.stdout.write(`${JSON.stringify(kept, null, 2)}\n`);
