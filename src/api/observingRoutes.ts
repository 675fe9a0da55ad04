import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { metricsContentType } from '../metrics/metrics.ts';
import type { Clock } from '../model/clock.ts';
import { AccessError } from './access.ts';
import { answers, hungUp } from './answers.ts';
import type { Control } from './control.ts';
import { streamEvents } from './eventStream.ts';
import { apiLimits } from './limits.ts';
import type { HealthView } from './observing.ts';
import { type ControlOf, journalFilterOf } from './routes.ts';
import { healthSchema } from './schema/health.ts';
import { journalEntrySchema } from './schema/journal.ts';
import { eventsQuery } from './schema/requests.ts';

export interface ObservingDeps {
  readonly controlOf: ControlOf;
  /** For the pages that are open to everybody. */
  readonly control: Pick<Control, 'health' | 'readiness'>;
  /** Who asks may learn the reasons as well: they have names and messages of the site. */
  readonly isLocal: boolean;
  readonly clock: Clock;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
  /** Aborted when those who are let in now may not be any more. */
  readonly admitting: () => AbortSignal;
}

/** Pages for those who watch the daemon: other programs, most of them. */
export function addObserving(plain: FastifyInstance, deps: ObservingDeps): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const { '4xx': refused, '5xx': failed } = answers(healthSchema);
  for (const [url, look] of [
    ['/healthz', () => deps.control.health()],
    ['/readyz', () => deps.control.readiness()],
  ] as const)
    app.route({
      method: 'GET',
      url,
      config: { open: true },
      schema: { response: { 200: healthSchema, 503: healthSchema, '4xx': refused } },
      handler: async (_request, reply) => {
        const { ok, checks }: HealthView = look();
        return reply.code(ok ? 200 : 503).send({ ok, checks: deps.isLocal ? checks : [] });
      },
    });
  app.route({
    method: 'GET',
    url: '/metrics',
    schema: {
      response: { 200: { content: { 'text/plain': { schema: z.string() } } }, '4xx': refused, '5xx': failed },
    },
    handler: async (request, reply) =>
      reply.type(metricsContentType).send(await deps.controlOf(request).metrics()),
  });
  addEvents(plain, deps);
}

function addEvents(plain: FastifyInstance, { controlOf, clock, closing, admitting }: ObservingDeps): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const { '4xx': refused, '5xx': failed } = answers(journalEntrySchema);
  let open = 0;
  app.route({
    method: 'GET',
    url: '/v1/events',
    exposeHeadRoute: false, // there is no end of it that a HEAD could be answered at
    schema: {
      querystring: eventsQuery,
      response: {
        200: { content: { 'text/event-stream': { schema: journalEntrySchema } } },
        '4xx': refused,
        '5xx': failed,
      },
    },
    handler: async (request, reply) => {
      if (open >= apiLimits.eventStreamsMax)
        throw new AccessError(
          'tooManyRequests',
          'too many follow the journal already',
          apiLimits.streamRetryMs,
        );
      const control = controlOf(request);
      const query = journalFilterOf(request.query);
      const afterNumber = lastEventOf(request.headers['last-event-id']) ?? query.afterNumber;
      // Whoever may not ask for that is told so, while there is an answer to say it with.
      control.journal({ ...query, limit: 1 });
      const signal = AbortSignal.any([closing, admitting(), hungUp(reply)]);
      begin(reply);
      open += 1;
      try {
        const write = (text: string) => taken(reply.raw, text, signal);
        await streamEvents(
          {
            control,
            query: { ...query, ...(afterNumber === undefined ? {} : { afterNumber }) },
            clock,
            write,
          },
          signal,
        );
      } finally {
        open -= 1;
        reply.raw.end();
      }
    },
  });
}

function begin(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // A proxy that collects an answer before it sends it would send nothing.
    'x-accel-buffering': 'no',
  });
}

/** What is no number of ours is as good as none: the caller has seen nothing of this journal. */
function lastEventOf(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

/** Resolves when the piece is on its way, or the signal is aborted: a caller that reads slowly is waited for. */
async function taken(raw: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (raw.destroyed || raw.write(text) || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      raw.off('drain', done);
      raw.off('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    raw.on('drain', done);
    raw.on('close', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
