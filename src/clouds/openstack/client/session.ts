import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { malformed, refusalOf } from './answer.ts';
import { beforeCall, OpenStackFailure } from './failure.ts';
import { authBody, type Credentials, secretsOf, type Token, tokenOf } from './identity.ts';
import { joined } from './joinedWork.ts';
import { endpointOf, findEndpoint, type Place, type Service } from './serviceCatalog.ts';
import { send, type WireAnswer, type WireRequest } from './wire.ts';

/** One answer at most: a page of 1,000 servers has about 1.4 MB. */
export const answerBytesMax = 32 * 1024 * 1024;
const smallAnswerBytesMax = 4 * 1024 * 1024;

/** A token is renewed when so much of its life is over. */
const renewAtShare = 0.8;

/** Of the `date` header. */
const date = z.string().pipe(z.coerce.date());

export interface MonotonicClock {
  /** Milliseconds from an arbitrary start. */
  monotonicNow(): number;
}

export interface SessionOptions {
  readonly dispatcher: Dispatcher;
  readonly clock: MonotonicClock;
  /** With or without `/v3`. */
  readonly authUrl: string;
  readonly credentials: Credentials;
  readonly place: Place;
  /** Where services are, whatever the catalog says. */
  readonly endpoints: Readonly<Partial<Record<Service, string>>>;
}

export interface Call {
  /** Static text, as `create server`. */
  readonly call: string;
  readonly service: Service;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Behind the endpoint, from its slash on, encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** The statuses of a success. */
  readonly expect: readonly number[];
  /** What must not show in an error, beside the credentials and the token. */
  readonly secrets?: readonly string[];
}

/** A log-in that is kept alive: a token, renewed before it expires and once when it is refused. */
export interface Session {
  /** Sends a call once and gives the success's answer; a refused token is renewed, and then it is sent once more. */
  request(call: Call, signal: AbortSignal): Promise<WireAnswer>;
  /** Where a service is; null where there is none. */
  find(service: Service, signal: AbortSignal): Promise<string | null>;
  projectId(signal: AbortSignal): Promise<string>;
  /** What the log-in gave: for whoever wants to know what may be done with it. */
  token(signal: AbortSignal): Promise<Pick<Token, 'projectId' | 'lifetimeMs' | 'roles'>>;
  /** The time that the last answer told, and when it came by the session's clock; null where none told it. */
  heard(): { readonly theirsMs: number; readonly atMs: number } | null;
}

interface Held {
  readonly token: Token;
  readonly renewAtMs: number;
  readonly expiresAtMs: number;
}

export function openSession(options: SessionOptions): Session {
  const { dispatcher, clock, credentials, place } = options;
  const known = secretsOf(credentials);
  let held: Held | null = null;
  let heard: ReturnType<Session['heard']> = null;

  async function sendAndHear(request: WireRequest, signal: AbortSignal): Promise<WireAnswer> {
    const answer = await send(dispatcher, request, signal);
    const told = date.safeParse(answer.headers.get('date'));
    if (told.success) heard = { theirsMs: told.data.getTime(), atMs: clock.monotonicNow() };
    return answer;
  }

  const logIn = joined(async (signal: AbortSignal): Promise<Held> => {
    const call = 'log in';
    const answer = await sendAndHear(
      {
        call,
        method: 'POST',
        url: tokensUrl(options.authUrl),
        headers: { accept: 'application/json', 'content-type': 'application/json' },
        body: JSON.stringify(authBody(credentials)),
        answerBytesMax: smallAnswerBytesMax,
      },
      signal,
    );
    if (answer.status !== 201) throw failureOf(answer, call, known);
    const token = tokenOf(answer, credentials, call);
    const now = clock.monotonicNow();
    const renewAtMs = now + token.lifetimeMs * renewAtShare;
    held = { token, renewAtMs, expiresAtMs: now + token.lifetimeMs };
    return held;
  });

  /** Its failures happen before the call that needs it: that one has not been sent. */
  async function tokenFor(call: string, signal: AbortSignal): Promise<Token> {
    if (held !== null && clock.monotonicNow() < held.renewAtMs) return held.token;
    try {
      return (await logIn(signal)).token;
    } catch (thrown) {
      if (signal.aborted) throw new OpenStackFailure({ kind: 'givenUp', call, sent: false });
      if (!(thrown instanceof OpenStackFailure)) throw thrown;
      // Keystone says 404 of an application credential that was deleted: all that it refuses is one thing.
      const isRefusal = thrown.kind === 'answer' && [401, 403, 404].includes(thrown.status ?? 0);
      // Keystone is in trouble, and services go on taking the token that there is.
      if (!isRefusal && held !== null && clock.monotonicNow() < held.expiresAtMs) return held.token;
      throw beforeCall(thrown, isRefusal ? 'refused' : thrown.kind);
    }
  }

  function endpoint(token: Token, service: Service): string {
    return options.endpoints[service]?.replace(/\/+$/, '') ?? endpointOf(token.catalog, service, place);
  }

  async function sendOnce(token: Token, call: Call, signal: AbortSignal): Promise<WireAnswer> {
    return sendAndHear(
      {
        call: call.call,
        method: call.method ?? 'GET',
        url: `${endpoint(token, call.service)}${call.path}`,
        headers: {
          accept: 'application/json',
          'x-auth-token': token.text,
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...call.headers,
        },
        body: call.body === undefined ? null : JSON.stringify(call.body),
        answerBytesMax,
      },
      signal,
    );
  }

  return {
    async request(call, signal) {
      const first = await tokenFor(call.call, signal);
      let token = first;
      let answer = await sendOnce(token, call, signal);
      if (answer.status === 401) {
        if (held?.token === first) held = null;
        token = await tokenFor(call.call, signal);
        answer = await sendOnce(token, call, signal);
      }
      if (call.expect.includes(answer.status)) return answer;
      throw failureOf(answer, call.call, [...known, token.text, ...(call.secrets ?? [])]);
    },
    async find(service, signal) {
      const token = await tokenFor(`find ${service}`, signal);
      return options.endpoints[service] ?? findEndpoint(token.catalog, service, place);
    },
    projectId: async (signal) => (await tokenFor('log in', signal)).projectId,
    token: (signal) => tokenFor('log in', signal),
    heard: () => heard,
  };
}

function tokensUrl(authUrl: string): string {
  const base = authUrl.replace(/\/+$/, '');
  return `${base.endsWith('/v3') ? base : `${base}/v3`}/auth/tokens`;
}

function failureOf(answer: WireAnswer, call: string, secrets: readonly string[]): OpenStackFailure {
  if (answer.status < 300) return malformed(answer, call, 'not the answer to this call');
  return refusalOf(answer, { call, secrets });
}
