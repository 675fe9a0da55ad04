import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Clock } from '../model/clock.ts';
import { LeaseId, PoolName } from '../model/ids.ts';
import { answers, hungUp } from './answers.ts';
import type { LeaseControl } from './leases.ts';
import {
  leaseAnswer,
  leaseBody,
  leaseListSchema,
  leaseParams,
  leaseQuery,
  leaseSchema,
  leasesQuery,
} from './schema/leases.ts';

export interface LeaseRouteDeps {
  readonly controlOf: (request: { readonly raw: IncomingMessage }) => LeaseControl;
  readonly clock: Clock;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
}

export function addLeases(plain: FastifyInstance, { controlOf, clock, closing }: LeaseRouteDeps): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.route({
    method: 'POST',
    url: '/v1/leases',
    schema: { body: leaseBody, response: answers(leaseSchema) },
    handler: async (request) => {
      const { pool, cpus, memoryMiB, diskMiB, gpus, ...rest } = request.body;
      const wish = {
        ...rest,
        holder: null,
        pool: PoolName(pool),
        request: { cpus, memoryMiB, diskMiB, gpus },
      };
      return leaseAnswer(controlOf(request).askLease(wish));
    },
  });
  app.route({
    method: 'GET',
    url: '/v1/leases',
    schema: { querystring: leasesQuery, response: answers(leaseListSchema) },
    handler: async (request) => {
      const { pool, state, user } = request.query;
      const found = controlOf(request)
        .leases()
        .filter(
          ({ lease }) =>
            (pool === undefined || lease.pool === pool) &&
            (state === undefined || lease.state === state) &&
            (user === undefined || lease.user === user),
        );
      return { leases: found.map(leaseAnswer) };
    },
  });
  app.route({
    method: 'GET',
    url: '/v1/leases/:id',
    schema: { params: leaseParams, querystring: leaseQuery, response: answers(leaseSchema) },
    handler: async (request, reply) => {
      const control = controlOf(request);
      const id = LeaseId(request.params.id);
      const { from, waitMs } = request.query;
      if (from === undefined) return leaseAnswer(control.lease(id));
      const patience = new AbortController();
      const ended = AbortSignal.any([closing, hungUp(reply), patience.signal]);
      const timer = clock.sleep(waitMs, ended).then(
        () => patience.abort(),
        () => {}, // answered or gone before
      );
      try {
        return leaseAnswer(await control.leaseAfter(id, from, ended));
      } finally {
        patience.abort();
        await timer;
      }
    },
  });
  for (const [word, act] of [
    ['renew', (control: LeaseControl, id: LeaseId) => control.renewLease(id)],
    ['return', (control: LeaseControl, id: LeaseId) => control.returnLease(id)],
  ] as const) {
    app.route({
      method: 'POST',
      url: `/v1/leases/:id/${word}`,
      schema: { params: leaseParams, response: answers(leaseSchema) },
      handler: async (request) => leaseAnswer(act(controlOf(request), LeaseId(request.params.id))),
    });
  }
}
