import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { mutate } from '../../tools/mutate/apply.ts';
import { mutants } from '../../tools/mutate/mutants.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

it.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
  '“%s” still finds its place in the source, and its test file is there',
  (_, mutant) => {
    const source = read(mutant.file);
    expect(mutate(source, mutant)).not.toBe(source);
    expect(read(mutant.testFile)).not.toBe('');
  },
);

it('has no two mutants of one name', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});

it('a text that is not there, or there twice, is an error', () => {
  const mutant = { name: 'x', file: 'f', search: 'a', replacement: 'b' };
  expect(() => mutate('ccc', mutant)).toThrow('0 times in f');
  expect(() => mutate('aca', mutant)).toThrow('2 times in f');
  expect(mutate('cac', mutant)).toBe('cbc');
});
