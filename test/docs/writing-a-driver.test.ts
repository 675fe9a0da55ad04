import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

it('the code on the page is that of the example', () => {
  const page = read('docs/writing-a-driver.md');
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, block = '']) => block);
  const files = [...globSync('examples/driver/*.ts', { cwd: root }), 'test/conformance/example.test.ts'];
  const code = files.map(read);
  expect(blocks.length).toBeGreaterThan(5);
  expect(blocks.filter((block) => !code.some((text) => text.includes(block)))).toEqual([]);
});

it('the example imports of Spillway what a driver may', () => {
  const allowed =
    /^(\.\/|undici$|zod$|\.\.\/\.\.\/src\/(model\/|clouds\/port\.ts|config\/(secrets|units)\.ts))/;
  const imports = globSync('examples/driver/*.ts', { cwd: root }).flatMap((path) =>
    [...read(path).matchAll(/from '([^']+)'/g)].map(([, from = '']) => from),
  );
  expect(imports.filter((from) => !allowed.test(from))).toEqual([]);
});
