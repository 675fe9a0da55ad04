import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics/metrics.ts';

/** Pages whose answer waits for something to happen: how long it takes says nothing. */
const waiting: ReadonlySet<string> = new Set(['/v1/events', '/v1/stream', '/v1/leases/:id']);

/** Counts each answer by its page; before any route is added. What is no page has one name, whatever was asked for. */
export function meterAnswers(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', async (request, reply) => {
    const page = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
    metrics.add('apiRequests', { page, status: String(reply.statusCode) });
    if (!waiting.has(page)) metrics.observe('apiDuration', { page }, reply.elapsedTime / 1000);
  });
}
