import { z } from 'zod';

/** Daemon time or a span, ms. */
export const ms = z.number();
export const count = z.number().int().min(0);
export const text = z.string();

export const resourcesSchema = z.object({
  cpus: z.number(),
  memoryMiB: z.number(),
  diskMiB: z.number(),
  gpus: z.number(),
});

/** Arrays of a view are readonly, so that a Control's own arrays can be sent as they are. */
export const list = <T extends z.ZodType>(item: T) => z.array(item).readonly();

const longestName = 128;
const longestJobId = 256;
/** Not as a pattern of the OpenAPI document: few programs but JavaScript's read `\p`. */
const visible = /^[^\p{C}\p{Zl}\p{Zp}]+$/u;

/** A name from the config: no control, format or unassigned characters, so that it can be printed as it is. */
export const nameSchema = z
  .string()
  .min(1)
  .max(longestName)
  .refine((name) => visible.test(name), 'has characters that no name has');

/** Our own ids are host names; anything else can not be one. */
export const instanceIdSchema = z
  .string()
  .min(1)
  .max(longestName)
  .regex(/^[a-z0-9][a-z0-9-]*$/, 'is not an instance id (lower-case letters, digits, `-`)');

export const jobIdSchema = z
  .string()
  .min(1)
  .max(longestJobId)
  .refine((id) => visible.test(id), 'has characters that no job id has');
