/** Quantile by the nearest rank. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export const round = (value: number, digits = 1): number => Number(value.toFixed(digits));

/** Heap in use after a collection, in MiB; 0 where node was started without --expose-gc. */
export function heapMiB(): number {
  if (globalThis.gc === undefined) return 0;
  globalThis.gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** Milliseconds that a call takes. */
export function timed(call: () => unknown): number {
  const began = performance.now();
  call();
  return performance.now() - began;
}

/** The same in processor time of this process, its helper threads included: what other work on the host hardly changes. */
export function cpuTimed(call: () => unknown): { readonly ms: number; readonly cpuMs: number } {
  const before = process.cpuUsage();
  const ms = timed(call);
  const { user, system } = process.cpuUsage(before);
  return { ms, cpuMs: (user + system) / 1000 };
}
