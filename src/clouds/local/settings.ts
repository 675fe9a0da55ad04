import { z } from 'zod';
import { durationBetween, sizeMiB } from '../../config/units.ts';

const second = 1000;
const absolutePath = (what: string) =>
  z
    .string()
    .min(1)
    .max(1000)
    .refine((path) => path.startsWith('/') && !path.includes('\0'), `expected ${what}: an absolute path`);

/** A cloud's own fields in the config. */
export const localSettings = z.strictObject({
  /** Holds one folder for each instance. Of the daemon's user, on a local disk. */
  folder: absolutePath('the folder of the instances'),
  /** From the polite signal to the one that cannot be refused. */
  stopGrace: durationBetween(0, 600 * second).prefault('10s'),
  /** The folder of a machine that ended by itself is kept for so long, for whoever wants to know why. */
  keep: durationBetween(0, 30 * 24 * 3600 * second).prefault('1h'),
  /** A cgroup (v2) folder that is delegated to the daemon's user: each instance gets a group of its own below it. */
  cgroup: absolutePath('a cgroup folder').optional(),
});
export type LocalSettings = z.output<typeof localSettings>;

const text = z
  .string()
  .max(10_000)
  .refine((value) => !value.includes('\0'), 'a NUL in it');

/** The fields under an offer's `boot:`. */
export const localOffer = z.strictObject({
  /**
   * What the machine runs, as an argument vector, in its own folder; the machine is there while this runs. Left out: the
   * boot template, which is then an executable script; and with no template either, nothing but a process that waits.
   */
  command: z.array(text.min(1)).min(1).max(1000).optional(),
  environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'not a name'), text).default({}),
  /** Of each process, by the shell's `ulimit`. */
  ulimits: z
    .strictObject({
      addressSpace: sizeMiB.optional(),
      fileSize: sizeMiB.optional(),
      cpuSeconds: z.int().min(1).optional(),
      openFiles: z.int().min(16).optional(),
    })
    .default({}),
  /** Of the machine as a whole; they need the cloud's `cgroup`. */
  limits: z
    .strictObject({
      memory: sizeMiB.optional(),
      cpus: z.number().positive().max(4096).optional(),
      processes: z.int().min(1).optional(),
    })
    .default({}),
});
export type LocalOffer = z.output<typeof localOffer>;
