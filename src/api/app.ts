import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Metrics } from '../metrics/metrics.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { Control } from './control.ts';
import { type Admitted, type Door, serverOf } from './door.ts';
import { answerTo, type ErrorAnswer, errorAnswer } from './errors.ts';
import { apiLimits } from './limits.ts';
import { addLive, type LiveDeps } from './liveRoutes.ts';
import { meterAnswers } from './meter.ts';
import { addObserving } from './observingRoutes.ts';
import { addOpenApi } from './openapi.ts';
import { addRoutes, type ControlOf } from './routes.ts';
import { addWeb } from './webRoutes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Nobody has to be let in to see it. */
    readonly open?: boolean;
  }
}

export interface AppOptions {
  readonly door: Door;
  readonly clock: Clock;
  readonly log: Log;
  /** For the pages that are open to everybody. */
  readonly control: Pick<Control, 'health' | 'readiness'>;
  /** Answers are counted there; absent: they are not. */
  readonly metrics?: Metrics | undefined;
  readonly live: Pick<LiveDeps, 'hub' | 'historian'>;
  /** Aborted when the API is to close. */
  readonly closing: AbortSignal;
  /** Aborted when those who are let in now may not be any more: whoever follows something comes again. */
  readonly admitting: () => AbortSignal;
}

/** The API behind one door, not yet listening. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { door, clock, log, control, metrics, live, closing, admitting } = options;
  const app = fastify({
    logger: false,
    bodyLimit: apiLimits.bodyBytesMax,
    return503OnClosing: false, // what comes in on an open connection while it closes is answered, too
    clientErrorHandler: (error, socket) => refuseUnread(error.code, socket),
    // What the router itself refuses: an address that is no UTF-8, a part of it that is too long.
    frameworkErrors: (error, _request, reply) => void send(reply, answerTo(error)),
    routerOptions: { maxParamLength: apiLimits.idCharactersMax },
    serverFactory: (handler) => serverOf(door, handler),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler((error, request, reply) => {
    const answer = answerTo(error);
    if (answer.fault) log.error({ err: error, page: request.routeOptions.url }, 'api fault');
    return send(reply, answer);
  });
  if (metrics !== undefined) meterAnswers(app, metrics);
  const admittedOf = admitAll(app, door);
  const controlOf: ControlOf = (request) => admittedOf(request).control;
  refuseOtherMethods(app);
  app.setNotFoundHandler((_request, reply) => send(reply, errorAnswer(404, 'notFound', 'no such page')));
  await addOpenApi(app);
  addRoutes(app, { controlOf, clock, closing, explainMs: apiLimits.explainMs });
  addLive(app, { ...live, admittedOf, closing });
  addObserving(app, { controlOf, control, isLocal: door.isLocal, clock, closing, admitting });
  addWeb(app);
  return app;
}

/**
 * Before anything else of a request is looked at; a route gets its control from here and nowhere else. Pages that are `open` say
 * the same to everybody, and so are shown to everybody.
 */
function admitAll(
  app: FastifyInstance,
  door: Door,
): (request: { readonly raw: IncomingMessage }) => Admitted {
  const admitted = new WeakMap<IncomingMessage, Admitted>();
  app.addHook('onRequest', async ({ raw, routeOptions, is404 }) => {
    if (is404 || routeOptions.config.open !== true) admitted.set(raw, door.admit(raw));
  });
  return ({ raw }) => {
    const found = admitted.get(raw);
    if (found === undefined) throw new Error('a request that nobody let in');
    return found;
  };
}

function send(reply: FastifyReply, answer: ErrorAnswer) {
  return reply
    .code(answer.status)
    .headers(answer.headers ?? {})
    .type('application/json; charset=utf-8')
    .send(answer.body);
}

/** What could not be read as a request at all: answered by hand, as there is no reply to send it with. */
function refuseUnread(code: string | undefined, socket: Socket): void {
  // What fails before HTTP begins, as a TLS handshake does, is no HTTP request: there is nobody to read an answer.
  const isHttp = code?.startsWith('HPE_') === true || code?.startsWith('ERR_HTTP_') === true;
  if (!isHttp || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, body } = unreadAnswer(code);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
}

function unreadAnswer(code: string | undefined): ErrorAnswer {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return errorAnswer(431, 'tooLarge', 'the address or the headers are longer than any request has');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return errorAnswer(408, 'invalid', 'the request was not finished in time');
    default:
      return errorAnswer(400, 'invalid', 'this is no HTTP request');
  }
}

/** Fastify answers a wrong method as if there were no such page; ours says which methods the page has. */
function refuseOtherMethods(app: FastifyInstance): void {
  const pages = collectPages(app);
  // Before the body is read: it does not matter.
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return;
    const [path = ''] = request.url.split('?');
    const page = [...pages].find(([url]) => isPath(url, path));
    if (page === undefined) return;
    const allowed = [...page[1]].toSorted().join(', ');
    await send(
      reply.header('allow', allowed),
      errorAnswer(405, 'methodNotAllowed', `this page takes ${allowed}`),
    );
  });
}

/** Whether the path is one of the page's: `:id` stands for any one part. */
function isPath(url: string, path: string): boolean {
  const parts = path.split('/');
  const pattern = url.split('/');
  return (
    parts.length === pattern.length && pattern.every((part, at) => part.startsWith(':') || part === parts[at])
  );
}

/** Fills as routes are added: each page's url and its methods. */
function collectPages(app: FastifyInstance): ReadonlyMap<string, ReadonlySet<string>> {
  const pages = new Map<string, Set<string>>();
  app.addHook('onRoute', (route) => {
    const methods = pages.get(route.url) ?? new Set();
    pages.set(route.url, methods);
    for (const method of [route.method].flat()) methods.add(method.toUpperCase());
  });
  return pages;
}
