import type { Mutant } from './mutants.ts';

/** The source with the mutant in it. Throws where its search text does not stand there exactly once. */
export function mutate(
  source: string,
  { name, file, search, replacement }: Pick<Mutant, 'name' | 'file' | 'search' | 'replacement'>,
): string {
  const [before, after, ...more] = source.split(search);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(
      `mutant "${name}": its text stands ${more.length + (after === undefined ? 0 : 1)} times in ${file}`,
    );
  return `${before}${replacement}${after}`;
}
