import { fastifySwagger } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { pageWords } from './pageWords.ts';
import { downtimeSchema } from './schema/downtimes.ts';
import { errorSchema } from './schema/error.ts';
import { instanceExplanationSchema } from './schema/explain.ts';
import { changeReceiptSchema, instanceSchema } from './schema/instances.ts';
import { journalEntrySchema } from './schema/journal.ts';
import { leaseSchema } from './schema/leases.ts';
import { budgetSchema } from './schema/money.ts';
import { poolReceiptSchema } from './schema/pools.ts';
import { poolStatusSchema, setAsideSchema } from './schema/status.ts';

/** What stands in more than one page is described once, under these names. */
const named = {
  Error: errorSchema,
  Instance: instanceSchema,
  InstanceExplanation: instanceExplanationSchema,
  InstanceChange: changeReceiptSchema,
  JournalEntry: journalEntrySchema,
  Lease: leaseSchema,
  Pool: poolStatusSchema,
  PoolChange: poolReceiptSchema,
  Downtime: downtimeSchema,
  Budget: budgetSchema,
  SetAside: setAsideSchema,
} as const;

function registryOf(schemas: Readonly<Record<string, z.ZodType>>) {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  return registry;
}

/** Answers may have more fields in a later version: only what comes in is closed. */
function openAnswers({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: object }): void {
  const isOpen = zodSchema instanceof z.ZodObject && zodSchema.def.catchall === undefined;
  if (isOpen && 'additionalProperties' in jsonSchema) delete jsonSchema.additionalProperties;
  // In OpenAPI it says of a field that it is in answers only, which none of ours is.
  if (zodSchema instanceof z.ZodReadonly && 'readOnly' in jsonSchema) delete jsonSchema.readOnly;
}

type Described = ReturnType<ReturnType<typeof createJsonSchemaTransformObject>>;

/** Every named schema comes as what is taken, too; ours are answers only. */
function withoutInputs(document: Described): Described {
  const schemas = 'components' in document ? (document.components?.schemas ?? {}) : {};
  for (const name of Object.keys(schemas)) if (!(name in named)) delete schemas[name];
  return document;
}

/** The API's description in OpenAPI's words, made from the routes and the schemas that check them; before any route is added. */
export async function addOpenApi(app: FastifyInstance): Promise<void> {
  const options = { schemaRegistry: registryOf(named), zodToJsonConfig: { override: openAnswers } };
  const transform = createJsonSchemaTransform(options);
  const describeNamed = createJsonSchemaTransformObject(options);
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Spillway',
        version: '1',
        description: 'The API of a Spillway daemon. docs/api.md says who may use which page.',
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
      security: [{ token: [] }],
    },
    transform: (document) => {
      const { schema, url } = transform(document);
      const words = pageWords.get([document.route.method, document.route.url].flat().join(' '));
      return { schema: { ...schema, ...words }, url };
    },
    transformObject: (document) => withoutInputs(describeNamed(document)),
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
