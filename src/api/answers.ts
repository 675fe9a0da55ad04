import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { ControlError } from './control.ts';
import { errorSchema } from './schema/error.ts';

/** What a page may answer: its own document, or an error. */
export function answers<T extends z.ZodType>(ok: T) {
  return { 200: ok, '4xx': errorSchema, '5xx': errorSchema };
}

/** Aborted when the caller is gone before it has its answer. */
export function hungUp(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new ControlError('notReady', 'the caller hung up'));
  });
  return gone.signal;
}
