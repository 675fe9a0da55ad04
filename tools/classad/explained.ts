/** Differences from the library that we know and mean; each has its place in docs/classads.md. */
type Test = (request: string, library: string, ours: string) => boolean;

/** Calls that may come back to where they began, references that may be to the group that they are in, and `\\G` where nothing is matched. */
const refused = /\(\?[R\d&P+-]|\\+g[<'{\d]|\\+k|\\+\d|\\+G[\s\S]*\)\{0/;

const explanations: readonly (readonly [reason: string, test: Test])[] = [
  ['a crash of the library', (_request, library) => library === 'the library crashed'],
  [
    'a time beyond the calendar',
    (request, library) =>
      /922337203685477580[78]|9007199254740993/.test(request) &&
      /Type = "AbsoluteTime"|^"[^"]*\d{9}/.test(library),
  ],
  [
    'a regular expression that is refused here',
    (request, library, ours) => refused.test(request) && refusesMore(library, ours),
  ],
];

/** Whether all parts of an answer are the library's or E, an error. */
function refusesMore(library: string, ours: string): boolean {
  const theirs = library.split(';');
  const mine = ours.split(';');
  return (
    mine.length === theirs.length && mine.every((part, at) => part === theirs[at] || /^"?E"?$/.test(part))
  );
}

/** Why the two differ there; null: unknown. */
export function explanationOf(request: string, library: string, ours: string): string | null {
  return explanations.find(([, test]) => test(request, library, ours))?.[0] ?? null;
}
