/**
 * How long machines were not needed before they were needed again, as a histogram of gaps: the last few hundred count
 * most. Bin k holds gaps from `firstMs` × √2^(k−1) to `firstMs` × √2^k; the first all that are shorter, the last all
 * that are longer.
 */
export interface Gaps {
  readonly counts: readonly number[];
  /** Gaps ever seen. */
  readonly seen: number;
}

const binsMax = 36;
const firstMs = 5000;
/** When so many are in the bins, all counts are halved: older gaps fade. */
const weightMax = 1000;
/** With fewer, what has been seen says little. */
const gapsNeeded = 20;

export const noGaps: Gaps = { counts: [], seen: 0 };

export function addGaps({ counts, seen }: Gaps, gapMs: number, count: number): Gaps {
  const next = Array.from({ length: binsMax }, (_, at) => counts[at] ?? 0);
  const bin = Math.min(binsMax - 1, Math.max(0, Math.ceil(2 * Math.log2(Math.max(1, gapMs) / firstMs))));
  next[bin] = (next[bin] ?? 0) + count;
  const weight = next.reduce((sum, of) => sum + of, 0);
  return { counts: weight > weightMax ? next.map((of) => of / 2) : next, seen: seen + count };
}

/** The end of a bin, and a gap of it as it is on the average. */
const endOf = (bin: number): number => firstMs * 2 ** (bin / 2);
const middleOf = (bin: number): number => (bin === 0 ? firstMs / 2 : endOf(bin - 0.5));

/**
 * What a gap costs where a machine is kept for `keepMs` and then released, in ms of a machine's price: the time it
 * idles, and where it comes back later a boot that is paid for and a job that waits as long: that costs `waitWeight` times as much.
 */
export function expectedCostMs(
  { counts }: Gaps,
  { keepMs, bootMs, waitWeight }: { keepMs: number; bootMs: number; waitWeight: number },
): number {
  const weight = counts.reduce((sum, of) => sum + of, 0);
  if (weight === 0) return 0;
  const cost = counts.reduce((sum, of, bin) => {
    const gapMs = middleOf(bin);
    return sum + of * (endOf(bin) <= keepMs ? gapMs : keepMs + (1 + waitWeight) * bootMs);
  }, 0);
  return cost / weight;
}

/** The share of gaps that were over within so long; null where too few have been seen. */
export function shareWithin({ counts, seen }: Gaps, withinMs: number): number | null {
  if (seen < gapsNeeded) return null;
  const weight = counts.reduce((sum, of) => sum + of, 0);
  const within = counts.reduce((sum, of, bin) => (endOf(bin) <= withinMs ? sum + of : sum), 0);
  return within / weight;
}

export interface KeepBounds {
  readonly bootMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** What waiting costs, in prices of the machine that is waited for. */
  readonly waitWeight: number;
}

/** In boot times. The first is for a pool of which little is known. */
const candidates = [0.5, 0.25, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48];

/**
 * For how long a machine that nothing needs is kept: the time at which keeping it and booting another cost least, by
 * the gaps that were seen. Within the bounds; half a boot time where few have been seen, as gaps are short or long
 * and what it costs depends little on it.
 */
export function keepTimeMs(gaps: Gaps, { bootMs, minMs, maxMs, waitWeight }: KeepBounds): number {
  const within = (ms: number) => Math.min(maxMs, Math.max(minMs, ms));
  const [standard = 0.5] = candidates;
  if (gaps.seen < gapsNeeded) return within(standard * bootMs);
  let best = { keepMs: within(standard * bootMs), costMs: Number.POSITIVE_INFINITY };
  for (const factor of candidates) {
    const keepMs = within(factor * bootMs);
    const costMs = expectedCostMs(gaps, { keepMs, bootMs, waitWeight });
    // A difference that the histogram cannot show is none.
    if (costMs < best.costMs * 0.995) best = { keepMs, costMs };
  }
  return Math.round(best.keepMs);
}
