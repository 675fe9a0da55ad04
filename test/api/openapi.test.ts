import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Client } from 'undici';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { openApiDocument, openApiFile, openApiText } from '../../tools/openapi/document.ts';
import { startTestApi } from '../support/apiServer.ts';

const documentSchema = z.object({
  paths: z.record(
    z.string(),
    z.record(z.string(), z.object({ operationId: z.string(), summary: z.string(), responses: z.object() })),
  ),
});
const stored: unknown = JSON.parse(readFileSync(openApiFile, 'utf8'));

test('docs/openapi.json is what the routes say: `npm run openapi` writes it', async () => {
  expect(readFileSync(openApiFile, 'utf8')).toBe(await openApiText());
});

test('it is good OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(z.record(z.string(), z.unknown()).parse(stored));
  expect({ valid, errors, version: validator.version }).toEqual({ valid: true, version: '3.1' });
});

test('every page has a name of its own and says what it is', () => {
  const pages = Object.values(documentSchema.parse(stored).paths).flatMap((page) => Object.values(page));
  const ids = pages.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('it has every page of docs/api.md and no other', () => {
  const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
  const told = [...page.matchAll(/^\| `(GET|POST) (\/\S+)`/gm)].map(
    ([, method, path]) => `${method} ${path}`,
  );
  const paths = Object.entries(documentSchema.parse(stored).paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(
      (method) => `${method.toUpperCase()} ${path.replace('{id}', 'ID').replace('{name}', 'NAME')}`,
    ),
  );
  expect(paths.toSorted()).toEqual(told.filter((line) => !line.endsWith('/openapi.json')).toSorted());
});

test('a daemon serves it', async () => {
  await using api = await startTestApi();
  const client = new Client('http://spillway', { socketPath: api.socket });
  const { body, headers } = await client.request({ method: 'GET', path: '/v1/openapi.json' });
  expect(await body.json()).toEqual(await openApiDocument());
  expect(headers['content-type']).toContain('application/json');
  await client.close();
});
