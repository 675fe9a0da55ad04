/** Differences from the library that we know and mean; each has its place in docs/classads.md. */
type Test = (request: string, library: string, ours: string) => boolean;

const explanations: readonly (readonly [reason: string, test: Test])[] = [
  ['a crash of the library', (_request, library) => library === 'the library crashed'],
  [
    'a time beyond the calendar',
    (request, library) =>
      /922337203685477580[78]|9007199254740993/.test(request) &&
      /Type = "AbsoluteTime"|^"[^"]*\d{9}/.test(library),
  ],
];

/** Why the two differ there; null: unknown. */
export function explanationOf(request: string, library: string, ours: string): string | null {
  return explanations.find(([, test]) => test(request, library, ours))?.[0] ?? null;
}
