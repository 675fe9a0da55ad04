/** What a machine has or a job wants. Whole processors; sizes in MiB. */
export interface Resources {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
  readonly gpus: number;
}

export const noResources: Resources = { cpus: 0, memoryMiB: 0, diskMiB: 0, gpus: 0 };

export function addResources(a: Resources, b: Resources): Resources {
  return {
    cpus: a.cpus + b.cpus,
    memoryMiB: a.memoryMiB + b.memoryMiB,
    diskMiB: a.diskMiB + b.diskMiB,
    gpus: a.gpus + b.gpus,
  };
}

export function subtractResources(a: Resources, b: Resources): Resources {
  return addResources(a, { cpus: -b.cpus, memoryMiB: -b.memoryMiB, diskMiB: -b.diskMiB, gpus: -b.gpus });
}

/** How many times `want` fits into `have`, side by side. A want of nothing at all counts as one processor. */
export function timesThatFit(have: Resources, want: Resources): number {
  const times = (available: number, wanted: number) =>
    wanted <= 0 ? Number.POSITIVE_INFINITY : Math.floor(available / wanted);
  const fit = Math.min(
    times(have.cpus, want.cpus),
    times(have.memoryMiB, want.memoryMiB),
    times(have.diskMiB, want.diskMiB),
    times(have.gpus, want.gpus),
  );
  return Math.max(0, Number.isFinite(fit) ? fit : Math.floor(have.cpus));
}
