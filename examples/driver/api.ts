import { Agent, request } from 'undici';
import type { ZodType } from 'zod';
import { CloudError } from '../../src/model/errors.ts';
import { refusal } from './wire.ts';

const connectTimeoutMs = 5000;
const connectionsMax = 8;
/** A page of 500 servers has about 250 kB. */
const answerBytesMax = 16 * 1024 * 1024;

export interface Call {
  /** For errors: what is done, without a name or a value of anybody's. */
  readonly what: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** It changes something: when its answer is lost, it may have been carried out. */
  readonly write: boolean;
}

export interface Api {
  /** Sends a call once and reads its answer whole. Everything that goes wrong is a CloudError. */
  call<Answer>(call: Call, shape: ZodType<Answer>, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

export function meadowApi(endpoint: string, token: string): Api {
  const agent = new Agent({
    connections: connectionsMax,
    connect: { timeout: connectTimeoutMs },
    maxResponseSize: answerBytesMax,
    // How long an answer may take is for the caller's signal to say.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    async call(call, shape, signal) {
      if (signal.aborted) throw new CloudError('timeout', `${call.what}: given up before it was sent`);
      const answer = await exchange(call, { agent, endpoint, token, signal });
      const parsed = shape.safeParse(jsonOf(answer.text));
      if (answer.status >= 200 && answer.status < 300 && parsed.success) return parsed.data;
      throw failureOf(call, answer);
    },
    close: async () => {
      if (!agent.destroyed) await agent.destroy();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly text: string;
}

interface Connection {
  readonly agent: Agent;
  readonly endpoint: string;
  readonly token: string;
  readonly signal: AbortSignal;
}

async function exchange(call: Call, { agent, endpoint, token, signal }: Connection): Promise<Answer> {
  try {
    const { statusCode, headers, body } = await request(new URL(call.path, endpoint), {
      dispatcher: agent,
      method: call.method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...call.headers },
      body: call.body === undefined ? null : JSON.stringify(call.body),
      signal,
    });
    const wait = headers['retry-after'];
    const retryAfter = typeof wait === 'string' ? wait : null;
    return { status: statusCode, retryAfter, text: await body.text() };
  } catch (thrown) {
    const code = codeOf(thrown);
    // What never left this host has changed nothing.
    const inDoubt = call.write && !unsentCodes.has(code);
    if (signal.aborted) throw new CloudError('timeout', `${call.what}: given up`, { inDoubt });
    throw new CloudError('unavailable', `${call.what}: ${code}`, { inDoubt });
  }
}

/** Of connections that were never there. */
const unsentCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : 'no connection';

/** The cloud's text is not repeated: it may hold the request, and that holds the token and the user data. */
function failureOf({ what, write }: Call, { status, retryAfter, text }: Answer): CloudError {
  const parsed = refusal.safeParse(jsonOf(text));
  const code = parsed.success ? parsed.data.error.code : 'no answer of the API';
  const message = `${what}: HTTP ${status}, ${code}`;
  switch (code) {
    case 'quota_exceeded':
      return new CloudError('quota', message);
    case 'no_capacity':
      return new CloudError('capacity', message);
    case 'unknown':
      return new CloudError('notFound', message);
    case 'other_contents': // the key was used before, so its first call may well have made servers
      return new CloudError('invalid', message, { inDoubt: write });
  }
  if (status === 401 || status === 403) return new CloudError('auth', message);
  if (status === 429) return new CloudError('rateLimited', message, waitOf(retryAfter));
  if (status >= 400 && status < 500 && parsed.success) return new CloudError('invalid', message);
  // A success that cannot be read is one of these, too: it was somebody's, perhaps not the API's.
  return new CloudError('unavailable', message, { inDoubt: write });
}

function waitOf(retryAfter: string | null): { readonly retryAfterMs?: number } {
  const seconds = /^\d{1,6}$/.exec(retryAfter ?? '')?.[0];
  return seconds === undefined ? {} : { retryAfterMs: Number(seconds) * 1000 };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
