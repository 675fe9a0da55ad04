import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { answers } from './answers.ts';
import type { ControlOf } from './routes.ts';
import { accountingQuery, accountingSchema, reportBody, reportReceiptSchema } from './schema/accounting.ts';

export function addAccounting(plain: FastifyInstance, controlOf: ControlOf): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.route({
    method: 'GET',
    url: '/v1/accounting',
    schema: { querystring: accountingQuery, response: answers(accountingSchema) },
    handler: async (request) => {
      const { from = null, to = null, by = [] } = request.query;
      return controlOf(request).accounting({ fromDay: from, toDay: to, by, pools: null });
    },
  });
  app.route({
    method: 'POST',
    url: '/v1/accounting/report',
    schema: { body: reportBody, response: answers(reportReceiptSchema) },
    handler: async (request) => await controlOf(request).reportUsage(request.body?.folder ?? null),
  });
}
