import { z } from 'zod';

/** The answers that are read, with the fields that are used. An answer that lacks one of them is no answer. */

export const server = z.object({
  id: z.string().min(1),
  state: z.enum(['queued', 'booting', 'running', 'stopping', 'deleted', 'failed']),
  /** Its place among the servers of its create call. */
  index: z.int().nonnegative(),
  labels: z.record(z.string(), z.string()),
  address: z.string().nullable(),
  reason: z.string().nullable(),
});
export type Server = z.output<typeof server>;

export const created = z.object({ servers: z.array(server).min(1) });
export const page = z.object({ servers: z.array(server), next: z.string().nullable() });
export const ended = z.object({ state: z.enum(['stopping', 'deleted']) });

const left = z.int().nonnegative().nullable();
export const quota = z.object({ servers_left: left, cpus_left: left, memory_mib_left: left });

export const stock = z.object({
  sizes: z.array(
    z.object({
      name: z.string(),
      cpus: z.number().positive(),
      memory_mib: z.number().positive(),
      disk_mib: z.number().positive(),
      arch: z.string(),
    }),
  ),
  images: z.array(z.object({ id: z.string().min(1), name: z.string() })),
  zones: z.array(z.string()),
});

export const refusal = z.object({ error: z.object({ code: z.string().regex(/^[a-z_]{1,40}$/) }) });
