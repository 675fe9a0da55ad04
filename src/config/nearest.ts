/**
 * The name that was probably meant: the nearest of the known ones, if it is near enough to be no guess (a third of
 * its letters may differ, or one begins with the other; case and `-`, `_` do not count). Null where none is.
 */
export function nearest(name: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = distanceOf(plain(name), plain(candidate));
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** ` (did you mean "x"?)`, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const near = nearest(name, known);
  return near === null || near === name ? '' : ` (did you mean "${near}"?)`;
}

/** Infinite where it is too far to be meant. */
function distanceOf(name: string, candidate: string): number {
  const distance = editDistance(name, candidate);
  const most = candidate.length <= 2 ? 0 : Math.max(1, Math.floor(candidate.length / 3));
  if (distance <= most) return distance;
  const shorter = Math.min(name.length, candidate.length);
  const begins = name.startsWith(candidate) || candidate.startsWith(name);
  return begins && shorter >= 3 ? distance : Number.POSITIVE_INFINITY;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '').slice(0, 80);
}

/** Insertions, deletions, changes and swaps of two neighbours, each counting one. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(change, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
