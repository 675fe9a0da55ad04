import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { request as requestOverTls } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { cut, type ProxyAnswer, send, sendOversize, sendPart } from './spoiledAnswers.ts';

/** What can go wrong with one call. `before`: it does not reach the server; `after`: it is carried out, and then. */
export type ProxyFault =
  /** The connection breaks without an answer. */
  | { readonly kind: 'cut'; readonly when: 'before' | 'after' }
  /** Nothing comes any more; the connection stays open until the client gives up or the proxy stops. */
  | { readonly kind: 'hang'; readonly when: 'before' | 'after' }
  /** The call, or its answer, is late. */
  | { readonly kind: 'delay'; readonly when: 'before' | 'after'; readonly ms: number }
  /** The server gets the head and half of the body; then its connection breaks, and the client's breaks or hangs. */
  | { readonly kind: 'halfRequest'; readonly ending: 'cut' | 'hang' }
  /** Another answer in place of the right one. */
  | { readonly kind: 'answer'; readonly when: 'before' | 'after'; readonly answer: ProxyAnswer }
  /** The right answer, made into another: rows missing, rows twice. */
  | {
      readonly kind: 'rewrite';
      readonly rewrite: (body: string, call: ProxiedCall) => string;
    }
  /** The last right answer to the same action from before the fault, again and again: a list that lags. */
  | { readonly kind: 'stale' }
  /** Half of the answer's body, and then: the connection breaks, hangs, or HTTP says that this was all. */
  | { readonly kind: 'truncated'; readonly ending: 'cut' | 'hang' | 'whole' }
  /** So many blanks after the answer's body. */
  | { readonly kind: 'oversize'; readonly bytes: number };

export interface ProxiedCall {
  /** From 1, over all calls. */
  readonly number: number;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** EC2's `Action`, from the form or the query; else the method and the path without the query. */
  readonly action: string;
}

/** Which calls a fault is for; all that is absent does not matter. The first rule set that fits a call is taken. */
export interface FaultRule {
  readonly fault: ProxyFault;
  readonly action?: string;
  readonly fits?: (call: ProxiedCall) => boolean;
  /** From the nth call that fits on, counted from when the rule was set; 1 by default. */
  readonly nth?: number;
  /** For so many calls; 1 by default, Infinity until it is lifted. */
  readonly times?: number;
}

/** A fault that is set. */
export interface SetFault {
  readonly rule: FaultRule;
  /** How often it has been applied. */
  readonly count: number;
  lift(): void;
}

export interface FaultingProxy {
  /** What a client is given in place of the server's endpoint; the path of that one is kept in front. */
  readonly endpoint: string;
  set(rule: FaultRule): SetFault;
  /** No faults, and connections are taken. */
  clear(): Promise<void>;
  /**
   * Resolves when a fault has been applied for the nth time: the connection is cut, the hang has begun, the call has
   * been carried out and its answer is spoiled. Rejects when the proxy stops first.
   */
  applied(fault: SetFault, nth?: number): Promise<ProxiedCall>;
  /** Connections are refused by the host itself, and open ones are broken. */
  refuse(): Promise<void>;
  /** Connections are taken again. */
  accept(): Promise<void>;
  /** Calls that came in, of an action or of all. */
  calls(action?: string): number;
  /** Calls that the server has answered, whether or not the client was told. */
  carriedOut(action?: string): number;
  stop(): Promise<void>;
}

/** A burst of it: `times` in the rule. */
export function refusal(
  status: 429 | 500 | 503,
  { retryAfterSeconds, body = '' }: { readonly retryAfterSeconds?: number; readonly body?: string } = {},
): ProxyFault {
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return { kind: 'answer', when: 'before', answer: { status, headers, body } };
}

const bodyBytesMax = 64 * 1024 * 1024;

interface Armed extends SetFault {
  count: number;
  fitted: number;
  lifted: boolean;
  readonly history: ProxiedCall[];
  waiting: {
    readonly nth: number;
    readonly done: (call: ProxiedCall) => void;
    readonly fail: (error: Error) => void;
  }[];
}

/** An HTTP proxy in front of one server, with levers for what a network and a bad server do. */
export async function startFaultingProxy({
  endpoint,
}: {
  readonly endpoint: string;
}): Promise<FaultingProxy> {
  const target = new URL(endpoint);
  const stopping = new AbortController();
  const sockets = new Set<Socket>();
  const calls = new Map<string, number>();
  const carriedOut = new Map<string, number>();
  const lastGood = new Map<string, ProxyAnswer>();
  let armed: Armed[] = [];
  let number = 0;

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });

  async function listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
    return (server.address() as AddressInfo).port;
  }

  async function close(): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(incoming);
    number += 1;
    const call = callOf(number, incoming, body.toString('utf8'));
    add(calls, call.action);
    const fault = next(call);
    const forward = async (): Promise<ProxyAnswer> => {
      const answer = await exchange(target, incoming, body);
      add(carriedOut, call.action);
      if (fault === undefined) lastGood.set(call.action, answer);
      return answer;
    };
    if (fault === undefined) send(response, await forward());
    else
      await spoil({ fault: fault.rule.fault, call, incoming, response, body, forward }, () =>
        note(fault, call),
      );
  }

  function next(call: ProxiedCall): Armed | undefined {
    for (const one of armed) {
      const { action, fits, nth = 1, times = 1 } = one.rule;
      if (one.lifted || (action !== undefined && action !== call.action) || fits?.(call) === false) continue;
      one.fitted += 1;
      if (one.fitted >= nth && one.fitted < nth + times) return one;
    }
    return undefined;
  }

  function note(one: Armed, call: ProxiedCall): void {
    one.count += 1;
    one.history.push(call);
    for (const { nth, done } of one.waiting) if (nth === one.count) done(call);
    one.waiting = one.waiting.filter(({ nth }) => nth > one.count);
  }

  interface Spoiling {
    readonly fault: ProxyFault;
    readonly call: ProxiedCall;
    readonly incoming: IncomingMessage;
    readonly response: ServerResponse;
    readonly body: Buffer;
    readonly forward: () => Promise<ProxyAnswer>;
  }

  async function spoil(
    { fault, call, incoming, response, body, forward }: Spoiling,
    done: () => void,
  ): Promise<void> {
    switch (fault.kind) {
      case 'cut':
        if (fault.when === 'after') await forward();
        cut(response);
        return done();
      case 'hang':
        if (fault.when === 'after') await forward();
        return done();
      case 'delay': {
        const early = fault.when === 'after' ? await forward() : null;
        done();
        await delay(fault.ms, undefined, { signal: stopping.signal });
        return send(response, early ?? (await forward()));
      }
      case 'halfRequest':
        await sendHalf(target, incoming, body);
        if (fault.ending === 'cut') cut(response);
        return done();
      case 'answer':
        if (fault.when === 'after') await forward();
        send(response, fault.answer);
        return done();
      case 'rewrite': {
        const answer = await forward();
        send(response, { ...answer, body: fault.rewrite(answer.body, call) });
        return done();
      }
      case 'stale': {
        const answer = lastGood.get(call.action) ?? (await forward());
        lastGood.set(call.action, answer);
        send(response, answer);
        return done();
      }
      case 'truncated':
        sendPart(response, await forward(), fault.ending);
        return done();
      case 'oversize':
        sendOversize(response, await forward(), fault.bytes);
        return done();
    }
  }

  const port = await listen(0);
  const path = target.pathname === '/' ? '' : target.pathname;
  return {
    endpoint: `http://127.0.0.1:${port}${path}`,
    set(rule) {
      const one: Armed = {
        rule,
        count: 0,
        fitted: 0,
        lifted: false,
        history: [],
        waiting: [],
        lift: () => {
          one.lifted = true;
        },
      };
      armed.push(one);
      return one;
    },
    async clear() {
      for (const one of armed) one.lift();
      armed = armed.filter(({ waiting }) => waiting.length > 0);
      if (!server.listening) await listen(port);
    },
    applied: (fault, nth = 1) =>
      new Promise((done, fail) => {
        const one = fault as Armed;
        const past = one.history[nth - 1];
        if (past !== undefined) done(past);
        else one.waiting.push({ nth, done, fail });
      }),
    refuse: close,
    accept: async () => {
      if (!server.listening) await listen(port);
    },
    calls: (action) => sum(calls, action),
    carriedOut: (action) => sum(carriedOut, action),
    async stop() {
      stopping.abort();
      for (const { waiting } of armed)
        for (const { fail } of waiting)
          fail(new Error('the proxy has stopped before that fault was applied'));
      await close();
    },
  };
}

function add(counts: Map<string, number>, action: string): void {
  counts.set(action, (counts.get(action) ?? 0) + 1);
}

function sum(counts: ReadonlyMap<string, number>, action: string | undefined): number {
  if (action !== undefined) return counts.get(action) ?? 0;
  return [...counts.values()].reduce((all, count) => all + count, 0);
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error(`a body of more than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function callOf(number: number, incoming: IncomingMessage, body: string): ProxiedCall {
  const { method = 'GET', url: path = '/', headers } = incoming;
  const { pathname, searchParams } = new URL(path, 'http://proxy');
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
  const named = (isForm ? new URLSearchParams(body).get('Action') : null) ?? searchParams.get('Action');
  return { number, method, path, headers, body, action: named ?? `${method} ${pathname}` };
}

/** The client's own head, with its Host: what it has signed stays as it is. A connection of its own for each call. */
function open(target: URL, incoming: IncomingMessage, bytes: number) {
  const { connection: _, 'transfer-encoding': __, ...headers } = incoming.headers;
  const options = {
    host: target.hostname,
    port: target.port,
    method: incoming.method ?? 'GET',
    path: incoming.url ?? '/',
    headers: { ...headers, 'content-length': bytes, connection: 'close' },
    agent: false,
  } as const;
  // A test's server has a certificate of its own making.
  return target.protocol === 'https:'
    ? requestOverTls({ ...options, rejectUnauthorized: false })
    : request(options);
}

function exchange(target: URL, incoming: IncomingMessage, body: Buffer): Promise<ProxyAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = open(target, incoming, body.length);
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      readAll(answer).then((bytes) => {
        const { connection: _, 'transfer-encoding': __, 'content-length': ___, ...rest } = answer.headers;
        const headers = Object.fromEntries(
          Object.entries(rest).flatMap(([name, value]) =>
            value === undefined ? [] : [[name, value] as const],
          ),
        );
        resolve({ status: answer.statusCode ?? 502, headers, body: bytes.toString('utf8') });
      }, reject);
    });
    outgoing.end(body);
  });
}

/** Resolves when half of the body is on its way and the connection is closed. */
function sendHalf(target: URL, incoming: IncomingMessage, body: Buffer): Promise<void> {
  return new Promise((resolve) => {
    // A call without a body is made to wait for one.
    const outgoing = open(target, incoming, Math.max(1, body.length));
    outgoing.on('error', () => resolve());
    outgoing.on('close', () => resolve());
    outgoing.write(body.subarray(0, Math.floor(body.length / 2)), () => outgoing.destroy());
  });
}
