import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { withDeadline } from '../daemon/deadline.ts';
import type { Clock } from '../model/clock.ts';
import type { DowntimeScope } from '../model/downtime.ts';
import { CloudName, InstanceId, IntentId, JobId, OfferName, PoolName } from '../model/ids.ts';
import type { JournalQuery } from '../store/port.ts';
import { addAccounting } from './accountingRoutes.ts';
import { answers, hungUp } from './answers.ts';
import { type Control, ControlError, type InstanceFilter } from './control.ts';
import { errorAnswer } from './errors.ts';
import type { EventsQuery } from './eventStream.ts';
import { addLeases } from './leaseRoutes.ts';
import { addReload } from './reloadRoutes.ts';
import {
  downtimeBody,
  downtimeListSchema,
  downtimeParams,
  downtimeReceiptSchema,
} from './schema/downtimes.ts';
import { instanceExplanationSchema, jobExplanationSchema } from './schema/explain.ts';
import { changeReceiptSchema, instanceListSchema, launchReceiptSchema } from './schema/instances.ts';
import { journalSchema } from './schema/journal.ts';
import { planSchema } from './schema/plan.ts';
import { poolParams, poolReceiptSchema, scaleBody } from './schema/pools.ts';
import {
  type eventsQuery,
  instanceParams,
  instancesQuery,
  jobParams,
  journalQuery,
  launchBody,
  terminateBody,
} from './schema/requests.ts';
import { statusSchema } from './schema/status.ts';

/** What the request's sender may do. */
export type ControlOf = (request: { readonly raw: IncomingMessage }) => Control;

export interface RouteDeps {
  readonly controlOf: ControlOf;
  readonly clock: Clock;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
  /** For a job to be looked up in its queue. */
  readonly explainMs: number;
}

type App = FastifyInstance;

/** Every page of the API. Each checks what came in, calls the Control once, and sends what it got. */
export function addRoutes(app: App, deps: RouteDeps): void {
  addReads(app, deps.controlOf);
  addExplanations(app, deps);
  addChanges(app, deps.controlOf);
  addPoolChanges(app, deps.controlOf);
  addDowntimes(app, deps.controlOf);
  addAccounting(app, deps.controlOf);
  addLeases(app, deps);
  addReload(app, deps.controlOf);
}

function addReads(plain: App, controlOf: ControlOf): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.route({
    method: 'GET',
    url: '/v1/status',
    schema: { response: answers(statusSchema) },
    handler: async (request) => controlOf(request).status(),
  });
  app.route({
    method: 'GET',
    url: '/v1/plan',
    schema: { response: answers(planSchema) },
    handler: async (request) => controlOf(request).plan(),
  });
  app.route({
    method: 'GET',
    url: '/v1/instances',
    schema: { querystring: instancesQuery, response: answers(instanceListSchema) },
    handler: async (request) => controlOf(request).instances(filterOf(request.query)),
  });
  app.route({
    method: 'GET',
    url: '/v1/journal',
    schema: { querystring: journalQuery, response: answers(journalSchema) },
    handler: async (request) => ({ entries: controlOf(request).journal(queryOf(request.query)) }),
  });
}

function addExplanations(plain: App, deps: RouteDeps): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const { controlOf, clock, explainMs } = deps;
  // One instance and why it is as it is: the same page under its own name and under `explain`.
  for (const url of ['/v1/instances/:id', '/v1/explain/instance/:id']) {
    app.route({
      method: 'GET',
      url,
      schema: { params: instanceParams, response: answers(instanceExplanationSchema) },
      handler: async (request) => {
        const found = controlOf(request).explainInstance(InstanceId(request.params.id));
        if (found === null) throw new ControlError('unknownInstance', `no instance ${request.params.id}`);
        return found;
      },
    });
  }
  app.route({
    method: 'GET',
    url: '/v1/explain/job/:id',
    schema: { params: jobParams, response: answers(jobExplanationSchema) },
    handler: async (request, reply) => {
      const id = JobId(request.params.id);
      const signal = AbortSignal.any([deps.closing, hungUp(reply)]);
      const lookUp = (inner: AbortSignal) => controlOf(request).explainJob(id, inner);
      const found = await withDeadline(lookUp, { clock, ms: explainMs, signal });
      if (found !== null) return found;
      return reply.code(404).send(errorAnswer(404, 'unknownJob', `no queue knows the job ${id}`).body);
    },
  });
}

function addChanges(plain: App, controlOf: ControlOf): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.route({
    method: 'POST',
    url: '/v1/instances',
    schema: { body: launchBody, response: answers(launchReceiptSchema) },
    handler: async (request) => {
      const { pool, offer, count, note } = request.body;
      const order = { pool: PoolName(pool), offer: offer === null ? null : OfferName(offer), count, note };
      return await controlOf(request).launch(order);
    },
  });
  app.route({
    method: 'POST',
    url: '/v1/instances/:id/drain',
    schema: { params: instanceParams, response: answers(changeReceiptSchema) },
    handler: async (request) => await controlOf(request).drain(InstanceId(request.params.id)),
  });
  app.route({
    method: 'POST',
    url: '/v1/instances/:id/undrain',
    schema: { params: instanceParams, response: answers(changeReceiptSchema) },
    handler: async (request) => await controlOf(request).undrain(InstanceId(request.params.id)),
  });
  app.route({
    method: 'POST',
    url: '/v1/instances/:id/terminate',
    schema: { params: instanceParams, body: terminateBody, response: answers(changeReceiptSchema) },
    handler: async (request) => {
      const force = request.body?.force ?? false;
      return await controlOf(request).terminate(InstanceId(request.params.id), { force });
    },
  });
}

function addPoolChanges(plain: App, controlOf: ControlOf): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  for (const kind of ['pause', 'resume'] as const) {
    app.route({
      method: 'POST',
      url: `/v1/pools/:name/${kind}`,
      schema: { params: poolParams, response: answers(poolReceiptSchema) },
      handler: async (request) =>
        await controlOf(request).adjustPool({ kind, pool: PoolName(request.params.name) }),
    });
  }
  app.route({
    method: 'POST',
    url: '/v1/pools/:name/scale',
    schema: { params: poolParams, body: scaleBody, response: answers(poolReceiptSchema) },
    handler: async (request) => {
      const { min, max } = request.body;
      return await controlOf(request).adjustPool({
        kind: 'scale',
        pool: PoolName(request.params.name),
        ...(min === undefined ? {} : { min }),
        ...(max === undefined ? {} : { max }),
      });
    },
  });
}

function addDowntimes(plain: App, controlOf: ControlOf): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.route({
    method: 'GET',
    url: '/v1/downtimes',
    schema: { response: answers(downtimeListSchema) },
    handler: async (request) => controlOf(request).downtimes(),
  });
  app.route({
    method: 'POST',
    url: '/v1/downtimes',
    schema: { body: downtimeBody, response: answers(downtimeReceiptSchema) },
    handler: async (request) => {
      const { cloud, pool, ...rest } = request.body;
      return await controlOf(request).addDowntime({ ...rest, scope: scopeOf(cloud, pool) });
    },
  });
  app.route({
    method: 'POST',
    url: '/v1/downtimes/:id/end',
    schema: { params: downtimeParams, response: answers(downtimeReceiptSchema) },
    handler: async (request) => await controlOf(request).endDowntime(request.params.id),
  });
}

function scopeOf(cloud: string | null, pool: string | null): DowntimeScope {
  if (cloud !== null) return { kind: 'cloud', cloud: CloudName(cloud) };
  return pool === null ? { kind: 'site' } : { kind: 'pool', pool: PoolName(pool) };
}

function filterOf(query: z.output<typeof instancesQuery>): InstanceFilter {
  return {
    ...(query.pool === undefined ? {} : { pool: PoolName(query.pool) }),
    ...(query.cloud === undefined ? {} : { cloud: CloudName(query.cloud) }),
    ...(query.offer === undefined ? {} : { offer: OfferName(query.offer) }),
    ...(query.state === undefined ? {} : { state: query.state }),
    ...(query.phase === undefined ? {} : { phase: query.phase }),
    ended: query.ended || query.phase === 'ended',
    limit: query.limit,
  };
}

function queryOf(query: z.output<typeof journalQuery>): JournalQuery {
  return {
    ...journalFilterOf(query),
    limit: query.limit,
    ...(query.beforeNumber === undefined ? {} : { beforeNumber: query.beforeNumber }),
    ...(query.sinceMs === undefined ? {} : { sinceMs: query.sinceMs }),
  };
}

/** Which entries are asked for, whenever they are written. */
export function journalFilterOf(query: z.output<typeof eventsQuery>): EventsQuery {
  return {
    ...(query.kinds === undefined ? {} : { kinds: query.kinds }),
    ...(query.pool === undefined ? {} : { pool: PoolName(query.pool) }),
    ...(query.cloud === undefined ? {} : { cloud: CloudName(query.cloud) }),
    ...(query.offer === undefined ? {} : { offer: OfferName(query.offer) }),
    ...(query.intent === undefined ? {} : { intent: IntentId(query.intent) }),
    ...(query.instance === undefined ? {} : { instance: InstanceId(query.instance) }),
    ...(query.afterNumber === undefined ? {} : { afterNumber: query.afterNumber }),
  };
}
