/**
 * spillway: the daemon. fixed: the daemon with one idle time, the best of the reference's grid unless one is given. static:
 * the daemon with a farm of one size. oracle and threshold: the references, worked out from the trace alone.
 */
export const policies = ['spillway', 'fixed', 'static', 'threshold', 'oracle'] as const;
export type Policy = (typeof policies)[number];

/**
 * What becomes of a job that wants more processors than one: `core`: as many jobs of one processor; `machine`: as few
 * jobs as fit a machine each; `gang`: one job that holds several machines at once where one is too small.
 */
export const splits = ['core', 'machine', 'gang'] as const;
export type Split = (typeof splits)[number];
