import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { answers } from './answers.ts';
import type { ControlOf } from './routes.ts';
import { configurationSchema, reloadReceiptSchema } from './schema/reload.ts';

/** The configuration: what holds, and reading it again. */
export function addReload(plain: FastifyInstance, controlOf: ControlOf): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.route({
    method: 'GET',
    url: '/v1/config',
    schema: { response: answers(configurationSchema) },
    handler: async (request) => controlOf(request).configuration(),
  });
  app.route({
    method: 'POST',
    url: '/v1/reload',
    schema: { response: answers(reloadReceiptSchema) },
    handler: async (request) => await controlOf(request).reload(),
  });
}
