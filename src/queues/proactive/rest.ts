import { Agent, request } from 'undici';
import type { Secret } from '../../config/secrets.ts';
import type { Clock } from '../../model/clock.ts';
import { QueueError } from '../../model/errors.ts';
import { connectionError, refusalOf } from './failure.ts';

/** The two halves of the server, each with a session of its own. */
export type Half = 'scheduler' | 'rm';

export interface Call {
  readonly half: Half;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Behind the half's name, from its slash on; parts that come from outside are encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  /** A name may stand there several times. */
  readonly form?: readonly (readonly [string, string])[];
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The server's REST interface. One call is one request; where its session has expired, which the server says before it does
 * anything, a new one is begun and the call is made again. Every failure is a QueueError: `timeout` for a call that was
 * given up (the signal, or the call's own time), `malformed` for an answer that is none.
 */
export interface Rest {
  /** The answer's text. */
  text(call: Call, signal: AbortSignal): Promise<string>;
  /** The answer as JSON. */
  json(call: Call, signal: AbortSignal): Promise<unknown>;
  /** Counts the sessions that were begun in this half: a new one may be with a server that has begun anew. */
  sessions(half: Half): number;
  /** When the half's session was begun, by the monotonic clock; null: there is none. */
  sessionSinceMs(half: Half): number | null;
  /** Requests sent so far, log-ins among them. */
  readonly requests: number;
  close(): Promise<void>;
}

export interface RestOptions {
  readonly url: string;
  readonly username: string;
  readonly password: Secret;
  readonly ca: Secret | null;
  readonly callTimeoutMs: number;
  readonly clock: Clock;
}

const connectTimeoutMs = 5000;
const connectionsMax = 8;
/** A page of 2,000 jobs has about 2 MB. */
export const answerBytesMax = 64 * 1024 * 1024;
const sessionCharsMax = 4096;
const goodbyeMs = 2000;

export function openRest(options: RestOptions): Rest {
  const agent = new Agent({
    connections: connectionsMax,
    connect: {
      timeout: connectTimeoutMs,
      ...(options.ca === null ? {} : { ca: options.ca.text() }),
    },
    // How long an answer may take is for the call's own time to say.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const ids: Record<Half, string | null> = { scheduler: null, rm: null };
  const logins: Record<Half, Promise<string> | null> = { scheduler: null, rm: null };
  const begun: Record<Half, number> = { scheduler: 0, rm: 0 };
  const sinceMs: Record<Half, number | null> = { scheduler: null, rm: null };
  let requests = 0;

  const secrets = () => [
    options.password.text(),
    ...Object.values(ids).flatMap((id) => (id === null ? [] : [id])),
  ];

  async function send(call: Call, session: string | null, signal: AbortSignal): Promise<Answer> {
    const what = `${call.method} /${call.half}${call.path}`;
    requests += 1;
    const form = call.form === undefined ? null : encoded(call.form);
    const query = encoded(Object.entries(call.query ?? {}).map(([key, value]) => [key, String(value)]));
    return within(options, what, signal, async (limit) => {
      const response = await request(
        `${options.url}/${call.half}${call.path}${query === '' ? '' : `?${query}`}`,
        {
          dispatcher: agent,
          method: call.method,
          headers: {
            accept: 'application/json, text/plain',
            ...(session === null ? {} : { sessionid: session }),
            ...(form === null ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
            ...call.headers,
          },
          body: form,
          signal: limit,
        },
      );
      return { status: response.statusCode, text: await readBounded(what, response.body) };
    });
  }

  async function login(half: Half, signal: AbortSignal): Promise<string> {
    const form = [
      ['username', options.username],
      ['password', options.password.text()],
    ] as const;
    const answer = await send({ half, method: 'POST', path: '/login', form }, null, signal);
    const what = `log-in to /${half}`;
    if (!isGood(answer)) throw refusalOf(what, answer, secrets()).error;
    const id = answer.text.trim().replace(/^"(.*)"$/, '$1');
    if (id === '' || id.length > sessionCharsMax || /[\s<>{}]/.test(id))
      throw new QueueError('malformed', `${what}: the answer is no session`);
    ids[half] = id;
    begun[half] += 1;
    sinceMs[half] = options.clock.monotonicNow();
    return id;
  }

  /** Calls side by side begin one session together. */
  async function session(half: Half, signal: AbortSignal): Promise<string> {
    const known = ids[half];
    if (known !== null) return known;
    const waiting = logins[half];
    // Another call's log-in ends with that call: where it fails, this one makes its own.
    if (waiting !== null) return waiting.catch(() => login(half, signal));
    const own = login(half, signal);
    logins[half] = own;
    try {
      return await own;
    } finally {
      if (logins[half] === own) logins[half] = null;
    }
  }

  async function text(call: Call, signal: AbortSignal): Promise<string> {
    const what = `${call.method} /${call.half}${call.path.slice(0, 200)}`;
    for (let attempt = 1; ; attempt++) {
      const id = await session(call.half, signal);
      const answer = await send(call, id, signal);
      if (isGood(answer)) return answer.text;
      const { error, expired } = refusalOf(what, answer, [...secrets(), id]);
      if (!expired || attempt === 2) throw error;
      if (ids[call.half] === id) ids[call.half] = null;
    }
  }

  return {
    text,
    json: async (call, signal) => {
      const answer = await text(call, signal);
      try {
        return JSON.parse(answer) as unknown;
      } catch {
        throw new QueueError(
          'malformed',
          `${call.method} /${call.half}${call.path.slice(0, 200)}: the answer is no JSON`,
        );
      }
    },
    sessions: (half) => begun[half],
    sessionSinceMs: (half) => sinceMs[half],
    get requests() {
      return requests;
    },
    close: async () => {
      if (agent.destroyed) return;
      const limit = new AbortController();
      const goodbye = (half: Half, method: 'PUT' | 'POST') => {
        const id = ids[half];
        ids[half] = null;
        return id === null ? null : send({ half, method, path: '/disconnect' }, id, limit.signal);
      };
      const both = Promise.allSettled([goodbye('scheduler', 'PUT'), goodbye('rm', 'POST')]);
      const pause = new AbortController();
      await Promise.race([both, options.clock.sleep(goodbyeMs, pause.signal).catch(() => {})]);
      pause.abort();
      limit.abort();
      await agent.destroy();
    },
  };
}

function encoded(pairs: readonly (readonly [string, string])[]): string {
  const form = new URLSearchParams();
  for (const [key, value] of pairs) form.append(key, value);
  return form.toString();
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const isGood = ({ status }: Answer) => status >= 200 && status < 300;

/** Ends the work at the signal, or when its time is over. */
async function within(
  { clock, callTimeoutMs }: Pick<RestOptions, 'clock' | 'callTimeoutMs'>,
  what: string,
  signal: AbortSignal,
  work: (limit: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const limit = new AbortController();
  const stop = () => limit.abort();
  if (signal.aborted) throw new QueueError('timeout', `${what}: given up before it was sent`);
  signal.addEventListener('abort', stop, { once: true });
  const done = new AbortController();
  clock.sleep(callTimeoutMs, done.signal).then(stop, () => {});
  try {
    return await work(limit.signal);
  } catch (thrown) {
    if (limit.signal.aborted) throw new QueueError('timeout', `${what}: no answer in the time allowed`);
    throw connectionError(what, thrown);
  } finally {
    done.abort();
    signal.removeEventListener('abort', stop);
  }
}

async function readBounded(what: string, body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    // Leaving the loop destroys the stream, and with it the connection.
    if (bytes > answerBytesMax)
      throw new QueueError('malformed', `${what}: an answer of more than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes).toString('utf8');
}
