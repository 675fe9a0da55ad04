import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorAnswer } from './errors.ts';
import { loadWebFiles, type WebFile } from './webFiles.ts';

/** The page loads nothing from elsewhere, runs nothing that is written into it, and stands in nobody's frame. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const headers = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  // Asked about each time, and sent again only when it has changed.
  'cache-control': 'no-cache',
  vary: 'accept-encoding',
} as const;

/**
 * The web page at `/`, its files below `/web/`. They are open to everybody who reaches the daemon, and hold nothing of the site: the
 * page asks the API for that, as whoever looks at it.
 */
export function addWeb(app: FastifyInstance): void {
  let loading: Promise<ReadonlyMap<string, WebFile>> | null = null;
  const files = () => {
    loading ??= loadWebFiles();
    return loading;
  };
  const open = { schema: { hide: true }, config: { open: true } } as const;
  app.route({
    method: 'GET',
    url: '/',
    ...open,
    handler: async (request, reply) => sendFile((await files()).get('index.html'), request, reply),
  });
  app.route<{ Params: { file: string } }>({
    method: 'GET',
    url: '/web/:file',
    ...open,
    handler: async (request, reply) => sendFile((await files()).get(request.params.file), request, reply),
  });
}

function sendFile(file: WebFile | undefined, { headers: asked }: FastifyRequest, reply: FastifyReply) {
  if (file === undefined) return reply.code(404).send(errorAnswer(404, 'notFound', 'no such page').body);
  void reply.headers({ ...headers, etag: file.etag });
  if (asked['if-none-match'] === file.etag) return reply.code(304).send();
  void reply.type(file.type);
  const zipped = /(?:^|,)\s*gzip\s*(?:,|$)/.test(String(asked['accept-encoding'] ?? ''));
  return zipped ? reply.header('content-encoding', 'gzip').send(file.gzipped) : reply.send(file.bytes);
}
