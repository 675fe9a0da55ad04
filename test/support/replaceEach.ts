import { expect } from 'vitest';

/** Replaces each of these, all its occurrences where it is a string; what does not occur fails the test. */
export function replaceEach(
  text: string,
  replacements: readonly (readonly [what: string | RegExp, instead: string])[],
): string {
  return replacements.reduce((all, [what, instead]) => {
    if (typeof what === 'string') {
      expect(all).toContain(what);
      return all.replaceAll(what, () => instead);
    }
    expect(all).toMatch(what);
    return all.replace(what, instead);
  }, text);
}
