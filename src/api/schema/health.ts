import { z } from 'zod';
import type { HealthView } from '../observing.ts';
import { list, text } from './scalars.ts';

export const healthSchema = z.object({
  ok: z.boolean(),
  checks: list(z.object({ name: text, ok: z.boolean(), why: text.nullable() })),
}) satisfies z.ZodType<HealthView>;
