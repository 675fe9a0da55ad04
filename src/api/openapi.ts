import { fastifySwagger } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';

/** The API's description in OpenAPI's words, made from the routes and the schemas that check them; before any route is added. */
export async function addOpenApi(app: FastifyInstance): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Spillway',
        version: '1',
        description:
          'What a Spillway daemon answers, over its unix socket or, with a token, over the network. docs/api.md says what each page is for.',
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description: 'Over the network; the unix socket asks for none.',
          },
        },
      },
      security: [{ token: [] }, {}],
    },
    transform: jsonSchemaTransform,
  });
  let text: string | null = null;
  app.route({
    method: 'GET',
    url: '/v1/openapi.json',
    schema: { hide: true },
    handler: async (_request, reply) => {
      text ??= JSON.stringify(app.swagger());
      return reply.type('application/json; charset=utf-8').send(text);
    },
  });
}
