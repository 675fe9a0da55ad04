import { z } from 'zod';
import type { ObserveView } from '../observe.ts';
import { count, list, ms, text } from './scalars.ts';

export const observeSchema = z.object({
  sinceMs: ms.nullable(),
  site: z.boolean(),
  clouds: list(text),
  pools: list(text),
  booted: count,
  machines: list(z.object({ pool: text, offer: text, cloud: text, count })),
  cost: list(z.object({ currency: text, soFar: z.number(), perHour: z.number() })),
}) satisfies z.ZodType<ObserveView>;
