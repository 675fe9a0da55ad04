import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { AccountingConfig } from './site.ts';
import { durationBetween } from './units.ts';

/** The fields of `accounting`: docs/configuration.md describes each one. */

const day = 86_400_000;

/** One line of a usage record. */
const value = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\p{Cc}]*$/u, 'has control characters');

const folder = value.refine((path) => isAbsolute(path), 'not an absolute path');

const names = z.record(z.string().min(1).max(200), value);

export const benchmarkSchema = z.strictObject({ type: value, value: z.number().gt(0).max(1_000_000) });

export const apelSchema = z.strictObject({
  site: value,
  cloudComputeService: value.nullable().default(null),
  folder: folder.nullable().default(null),
  every: durationBetween(60_000, 31 * day).prefault('1d'),
  benchmark: benchmarkSchema.nullable().default(null),
  fqans: names.default({}),
  globalUserNames: names.default({}),
});

export const accountingSchema = z.strictObject({
  keep: durationBetween(31 * day, 3650 * day).prefault('1100d'),
  keepMachines: durationBetween(day, 3650 * day).prefault('62d'),
  apel: apelSchema.nullable().default(null),
});

/** Where the config says nothing. */
export const usualAccounting: AccountingConfig = {
  keepMs: 1100 * day,
  keepMachinesMs: 62 * day,
  apel: null,
};

export function accountingOf({
  keep,
  keepMachines,
  apel,
}: z.output<typeof accountingSchema>): AccountingConfig {
  return {
    keepMs: keep,
    keepMachinesMs: keepMachines,
    apel:
      apel === null
        ? null
        : {
            siteName: apel.site,
            cloudComputeService: apel.cloudComputeService,
            folder: apel.folder,
            everyMs: apel.every,
            benchmark: apel.benchmark,
            fqans: new Map(Object.entries(apel.fqans)),
            globalUserNames: new Map(Object.entries(apel.globalUserNames)),
          },
  };
}
