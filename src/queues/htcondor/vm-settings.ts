import { z } from 'zod';
import { durationBetween } from '../../config/units.ts';
import type { Expectation } from '../../model/expectation.ts';

/** Cloud Scheduler's words that mean something here; docs/migrate-from-cloud-scheduler.md says what. */
export const vmWords = [
  'TargetClouds',
  'VMType',
  'VMName',
  'VMLoc',
  'VMAMI',
  'VMImage',
  'VMInstanceType',
  'VMNetwork',
  'VMUserData',
  'VMAMIConfig',
  'VMCPUArch',
  'VMCPUCores',
  'VMMem',
  'VMStorage',
  'VMJobPerCore',
  'VMMaximumPrice',
  'VMKeepAlive',
  'VMHighPriority',
] as const;
export type VmWord = (typeof vmWords)[number];

const minute = 60_000;
const text = z.string().min(1).max(2000);
const clouds = z.union([text, z.array(text).min(1).max(100)]).transform((one) => [one].flat());

/** What stands under `cloudScheduler` of a queue. */
export const cloudSchedulerSchema = z
  .strictObject({
    /** Names that jobs give clouds in TargetClouds and the like; a cloud's own name needs none. */
    clouds: z.record(text, clouds).default({}),
    /** What VMLoc, VMAMI and VMImage name, to the `VMImage` of offers. */
    images: z.record(text, text).default({}),
    /** Where a job does not say them. */
    defaults: z
      .partialRecord(z.enum(vmWords), z.union([z.string().max(2000), z.number(), z.boolean()]))
      .default({}),
    /** Words that are not heeded. */
    ignore: z.array(z.enum(vmWords)).max(vmWords.length).default([]),
    /** No machine is kept longer for VMKeepAlive. */
    keepAliveMax: durationBetween(0, 7 * 24 * 60 * minute).default(60 * minute),
    /** VMMaximumPrice is in hundredths of the offers' currency, or in the currency itself. */
    priceUnit: z.enum(['hundredth', 'whole']).default('hundredth'),
  })
  .transform(
    (raw): VmSettings => ({
      clouds: new Map(Object.entries(raw.clouds)),
      images: new Map(Object.entries(raw.images)),
      defaults: raw.defaults,
      ignore: new Set(raw.ignore),
      keepAliveMaxMs: raw.keepAliveMax,
      priceUnit: raw.priceUnit,
    }),
  );

export interface VmSettings {
  /** By the names that jobs use; upper and lower case do not differ. */
  readonly clouds: ReadonlyMap<string, readonly string[]>;
  readonly images: ReadonlyMap<string, string>;
  readonly defaults: Readonly<Partial<Record<VmWord, string | number | boolean>>>;
  readonly ignore: ReadonlySet<VmWord>;
  readonly keepAliveMaxMs: number;
  readonly priceUnit: 'hundredth' | 'whole';
}

/** What stands for a cloud's name in a job: clouds of the config, or the name itself. */
export function cloudsNamed(name: string, { clouds }: Pick<VmSettings, 'clouds'>): readonly string[] {
  const lower = name.toLowerCase();
  for (const [written, ours] of clouds) if (written.toLowerCase() === lower) return ours;
  return [name];
}

/** Clouds that names stand for, and images that some offer should have. */
export function expectationsOf({ clouds, images }: VmSettings): readonly Expectation[] {
  const at = (...path: readonly string[]) => ['cloudScheduler', ...path];
  return [
    ...[...clouds].flatMap(([name, ours]) =>
      ours.map((cloud): Expectation => ({ kind: 'cloud', path: at('clouds', name), name: cloud })),
    ),
    ...[...images].map(
      ([name, image]): Expectation => ({
        kind: 'attribute',
        path: at('images', name),
        name: 'VMImage',
        value: image,
      }),
    ),
  ];
}
