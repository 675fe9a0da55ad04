import { Agent, request } from 'undici';
import { httpDateMs } from './calendar.ts';
import { CallFailure, connectionFailure } from './failure.ts';
import { redact } from './redact.ts';
import { type Params, signedForm } from './signature.ts';

/** A host that takes no connection for so long counts as not reached, and the request as not sent. */
const connectTimeoutMs = 5000;

const connectionsMax = 8;

/** One answer at most: a page of 500 machines has about 1 MB. */
export const answerBytesMax = 32 * 1024 * 1024;

const signatureLifeMs = 10 * 60_000;

/** The server refuses a signature that says that it holds for longer. */
const signatureLifeMaxMs = 15 * 60_000;

export interface ClientOptions {
  /** The API's URL, as in `https://cloud.example.org/client/api`. */
  readonly endpoint: string;
  readonly apiKey: string;
  readonly secretKey: string;
  /** Epoch ms; the server's clock may be 10 minutes behind and 5 ahead. */
  readonly wallNow: () => number;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  /** What must not show in an error, beside the keys. */
  readonly secrets?: readonly string[];
}

/**
 * A connection to one CloudStack account. A call is sent once, as a signed POST (so user data may be larger than a URL), and its
 * answer is read whole. Every failure is a CallFailure.
 */
export interface Client {
  /** What stands in the answer's one top-level key. */
  call(command: string, params: Params, options: CallOptions): Promise<unknown>;
  /** The time that the last answer told, and ours when it came: epoch ms; null where none told it. */
  heard(): { readonly theirsMs: number; readonly oursMs: number } | null;
  close(): Promise<void>;
}

export function makeClient({ endpoint, apiKey, secretKey, wallNow }: ClientOptions): Client {
  const agent = new Agent({
    connections: connectionsMax,
    connect: { timeout: connectTimeoutMs },
    // How long an answer may take is for the caller's signal to say.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  let heard: ReturnType<Client['heard']> = null;
  return {
    async call(command, params, { signal, secrets = [] }) {
      if (signal.aborted) {
        throw new CallFailure(command, 'given up before it was sent', { kind: 'givenUp', sent: false });
      }
      const body = signedForm({ command, ...params }, { apiKey, secretKey }, wallNow() + signatureLifeMs);
      const answer = await exchange(command, { agent, endpoint, body, signal });
      const theirsMs = httpDateMs(answer.date ?? '');
      if (theirsMs !== null) heard = { theirsMs, oursMs: wallNow() };
      return unwrap(command, answer, { nowMs: wallNow(), secrets: [secretKey, apiKey, ...secrets] });
    },
    heard: () => heard,
    close: async () => {
      if (!agent.destroyed) await agent.destroy();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly date: string | null;
  readonly text: string;
}

async function exchange(
  command: string,
  sent: {
    readonly agent: Agent;
    readonly endpoint: string;
    readonly body: string;
    readonly signal: AbortSignal;
  },
): Promise<Answer> {
  const { agent, endpoint, body, signal } = sent;
  try {
    const response = await request(endpoint, {
      dispatcher: agent,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body,
      signal,
    });
    const header = (name: string) => {
      const value = response.headers[name];
      return typeof value === 'string' ? value : null;
    };
    return {
      status: response.statusCode,
      retryAfter: header('retry-after'),
      date: header('date'),
      text: await readBounded(command, response.body),
    };
  } catch (thrown) {
    throw thrown instanceof CallFailure ? thrown : connectionFailure(command, thrown, signal);
  }
}

async function readBounded(command: string, body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    // Leaving the loop destroys the stream, and with it the connection.
    if (bytes > answerBytesMax) {
      throw new CallFailure(command, `an answer of more than ${answerBytesMax} bytes`, { kind: 'malformed' });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes).toString('utf8');
}

/**
 * An answer is one JSON object with one key, `<command>response` in lower case; an error has that key, too, or `errorresponse`,
 * and says so by `errorcode`.
 */
function unwrap(
  command: string,
  answer: Answer,
  { nowMs, secrets }: { readonly nowMs: number; readonly secrets: readonly string[] },
): unknown {
  const { status } = answer;
  const malformed = (what: string) =>
    new CallFailure(command, `${what} (HTTP ${status})`, { kind: 'malformed', httpStatus: status });
  const [key, inner] = topOf(answer.text) ?? [];
  if (key === undefined) throw malformed('the answer is not what CloudStack sends');
  const own = key.toLowerCase() === `${command.toLowerCase()}response`;
  if (!own && key.toLowerCase() !== 'errorresponse') throw malformed('the answer to another command');
  if (!isRecord(inner)) throw malformed('an answer without contents');
  const errorCode = typeof inner.errorcode === 'number' ? inner.errorcode : null;
  if (own && status === 200 && errorCode === null) return inner;
  const text = typeof inner.errortext === 'string' ? inner.errortext : 'no reason given';
  const hint = (errorCode ?? status) === 401 ? clockHint(answer.date, nowMs) : '';
  throw new CallFailure(command, `${errorCode ?? status}: ${redact(text, secrets)}${hint}`, {
    kind: 'refused',
    errorCode,
    httpStatus: status,
    retryAfterMs: retryAfterMs(answer.retryAfter, errorCode ?? status, text),
  });
}

function topOf(text: string): readonly [string, unknown] | null {
  try {
    const parsed: unknown = JSON.parse(text);
    const entries = isRecord(parsed) ? Object.entries(parsed) : [];
    return entries.length === 1 && entries[0] !== undefined ? entries[0] : null;
  } catch {
    return null;
  }
}

/** The server says the same of a wrong key and of a clock that is too far from its own: its own is in the header. */
function clockHint(date: string | null, nowMs: number): string {
  const aheadMs = (httpDateMs(date ?? '') ?? nowMs) - nowMs;
  if (aheadMs <= signatureLifeMs && aheadMs >= signatureLifeMs - signatureLifeMaxMs) return '';
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  return `; the server's clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this host's`;
}

/** The API limit says how long to wait in its text alone; a gateway before it says so in the header, in seconds. */
function retryAfterMs(header: string | null, code: number, text: string): number | null {
  const seconds = /^\d{1,6}$/.exec(header ?? '')?.[0];
  if (seconds !== undefined) return Number(seconds) * 1000;
  const ms = code === 429 ? /retry after \[?(\d{1,9})\]? ms/i.exec(text)?.[1] : undefined;
  return ms === undefined ? null : Number(ms);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
