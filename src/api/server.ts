import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { type Control, ControlError } from './control.ts';
import { answerTo, type ErrorAnswer, errorAnswer } from './errors.ts';
import { addRoutes } from './routes.ts';
import { bindSocket } from './socket.ts';

/** Everything that a caller could make large or slow has an end. */
export const apiLimits = {
  bodyBytesMax: 16 * 1024,
  headerBytesMax: 8 * 1024,
  idCharactersMax: 1024,
  /** Each holder of a lease may wait on one of its own. */
  connectionsMax: 4096,
  /** For a whole request to arrive. */
  requestMs: 10_000,
  keepAliveMs: 5_000,
  explainMs: 20_000,
  /** For requests under way when the API is closed. */
  closeMs: 2_000,
} as const;

export interface ApiOptions {
  /** Path of the unix socket; made with mode 0660, so its group is who may use the API. */
  readonly socket: string;
  readonly control: Control;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Api {
  /** Takes no more requests, answers those under way, removes the socket. May be called again. */
  close(): Promise<void>;
}

/** Serves the API until it is closed. Throws SocketError where the socket cannot be had. */
export async function startApi(options: ApiOptions): Promise<Api> {
  const closing = new AbortController();
  const app = buildApp(options, closing.signal);
  try {
    await app.ready();
    const socket = await bindSocket(options.socket, async (path) => {
      await app.listen({ path });
    });
    const close = async () => {
      closing.abort(new ControlError('notReady', 'the daemon is stopping'));
      await socket.remove();
      await closeApp(app, options.clock);
    };
    let closed: Promise<void> | null = null;
    return {
      close: () => {
        closed ??= close();
        return closed;
      },
    };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** A caller that never finishes its request does not keep the daemon from stopping. */
async function closeApp(app: FastifyInstance, clock: Clock): Promise<void> {
  const finished = new AbortController();
  const timer = clock.sleep(apiLimits.closeMs, finished.signal).then(
    () => app.server.closeAllConnections(),
    () => {}, // all were finished in time
  );
  await app.close();
  finished.abort();
  await timer;
}

function buildApp(options: ApiOptions, closing: AbortSignal): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: apiLimits.bodyBytesMax,
    requestTimeout: apiLimits.requestMs,
    keepAliveTimeout: apiLimits.keepAliveMs,
    return503OnClosing: false, // what comes in on an open connection while it closes is answered, too
    clientErrorHandler: (error, socket) => refuseUnread(error.code, socket),
    // What the router itself refuses: an address that is no UTF-8, a part of it that is too long.
    frameworkErrors: (error, _request, reply) => void send(reply, answerTo(error)),
    routerOptions: { maxParamLength: apiLimits.idCharactersMax },
    http: { maxHeaderSize: apiLimits.headerBytesMax, connectionsCheckingInterval: 1_000 },
  });
  app.server.maxConnections = apiLimits.connectionsMax;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler((error, request, reply) => {
    const answer = answerTo(error);
    if (answer.fault) options.log.error({ err: error, page: request.routeOptions.url }, 'api fault');
    return send(reply, answer);
  });
  app.setNotFoundHandler((_request, reply) => send(reply, errorAnswer(404, 'notFound', 'no such page')));
  const { control, clock } = options;
  const pages = collectPages(app);
  addRoutes(app, { control, clock, closing, explainMs: apiLimits.explainMs });
  refuseOtherMethods(app, pages);
  return app;
}

function send(reply: FastifyReply, answer: ErrorAnswer) {
  return reply.code(answer.status).type('application/json; charset=utf-8').send(answer.body);
}

/** What could not be read as a request at all: answered by hand, as there is no reply to send it with. */
function refuseUnread(code: string | undefined, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) {
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

const otherMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Fastify answers a wrong method as if there were no such page; ours says which methods the page has. */
function refuseOtherMethods(app: FastifyInstance, pages: ReadonlyMap<string, ReadonlySet<string>>): void {
  const known = [...pages]; // the routes added here are reported to `pages`, too
  for (const [url, methods] of known) {
    const allowed = [...methods].toSorted().join(', ');
    const text = `this page takes ${allowed}`;
    app.route({
      url,
      method: otherMethods.filter((method) => !methods.has(method)),
      // Before the body is read: it does not matter.
      onRequest: async (_request, reply) =>
        send(reply.header('allow', allowed), errorAnswer(405, 'methodNotAllowed', text)),
      handler: () => {},
    });
  }
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
