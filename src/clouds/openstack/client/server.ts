import { z } from 'zod';

/** What is read of a server. A row of a cell that is down has few of the fields. */
export const serverShape = z.object({
  id: z.string().min(1),
  name: z.string().default(''),
  status: z.string(),
  created: z.string().default(''),
  metadata: z.record(z.string(), z.string()).default({}),
  tags: z.array(z.string()).default([]),
  addresses: z
    .record(
      z.string(),
      z.array(
        z.object({
          addr: z.string(),
          version: z.number(),
          'OS-EXT-IPS:type': z.string().optional(),
        }),
      ),
    )
    .default({}),
  'OS-EXT-STS:task_state': z.string().nullish(),
  fault: z.object({ code: z.number().optional(), message: z.string().nullish() }).optional(),
});
export type Server = z.output<typeof serverShape>;

/** The body of a create call: `server` as Nova takes it, and the hints beside it. */
export interface NewServer {
  readonly server: Readonly<Record<string, unknown>>;
  readonly schedulerHints: Readonly<Record<string, unknown>> | null;
  /** What must not show in an error. */
  readonly secrets: readonly string[];
}
