import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { answers } from './answers.ts';
import type { Admitted } from './door.ts';
import type { Historian } from './live/historian.ts';
import { viewOf } from './live/history.ts';
import type { Hub } from './live/hub.ts';
import { callerSchema, historyQuery, historySchema, liveFrameSchema } from './schema/live.ts';

export interface LiveDeps {
  readonly admittedOf: (request: { readonly raw: IncomingMessage }) => Admitted;
  readonly hub: Hub;
  readonly historian: Pick<Historian, 'history'>;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
}

/** What a page shows that is open all day: what happens now, how it came to be, and what the one who looks may do. */
export function addLive(plain: FastifyInstance, deps: LiveDeps): void {
  const { admittedOf } = deps;
  const app = plain.withTypeProvider<ZodTypeProvider>();
  addStream(plain, deps);
  app.route({
    method: 'GET',
    url: '/v1/history',
    schema: { querystring: historyQuery, response: answers(historySchema) },
    handler: async (request) => {
      const { control, caller } = admittedOf(request);
      const { step, sinceMs } = request.query;
      const { nowMs, pools, queues } = control.status();
      const seen = { pools: new Set(pools.map(nameOf)), queues: new Set(queues.map(nameOf)) };
      // Who sees all sees those, too, that the config has no more.
      const seesAll = caller.pools === null;
      return viewOf(deps.historian.history()[step], {
        nowMs,
        sinceMs,
        seesPool: (name) => seesAll || seen.pools.has(name),
        seesQueue: (name) => seesAll || seen.queues.has(name),
      });
    },
  });
  app.route({
    method: 'GET',
    url: '/v1/caller',
    schema: { response: answers(callerSchema) },
    handler: async (request) => admittedOf(request).caller,
  });
}

const nameOf = ({ name }: { readonly name: string }) => name;

/** How long the browser waits before it comes again. */
const retryMs = 2_000;

function addStream(plain: FastifyInstance, { admittedOf, hub, closing }: LiveDeps): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const { '4xx': refused, '5xx': failed } = answers(liveFrameSchema);
  app.route({
    method: 'GET',
    url: '/v1/stream',
    exposeHeadRoute: false, // there is no end of it that a HEAD could be answered at
    schema: {
      response: {
        200: { content: { 'text/event-stream': { schema: liveFrameSchema } } },
        '4xx': refused,
        '5xx': failed,
      },
    },
    handler: async (request, reply) => {
      const { raw } = reply;
      const viewer = { send: (text: string) => raw.write(text), drop: () => void raw.destroy() };
      const seat = hub.join(admittedOf(request).control, viewer);
      const end = () => {
        closing.removeEventListener('abort', end);
        seat.leave();
        raw.end();
      };
      raw.once('close', end);
      closing.addEventListener('abort', end, { once: true });
      raw.on('drain', () => seat.drained());
      reply.hijack();
      raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // A proxy that collects an answer before it sends it would send nothing.
        'x-accel-buffering': 'no',
      });
      raw.write(`retry: ${retryMs}\n\n`);
      if (raw.destroyed || closing.aborted) end();
      else seat.begin();
    },
  });
}
