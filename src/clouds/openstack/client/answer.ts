import type { ZodType } from 'zod';
import { cleanText } from './cleanText.ts';
import { OpenStackFailure } from './failure.ts';
import type { WireAnswer } from './wire.ts';

export interface AnswerContext {
  readonly call: string;
  readonly secrets: readonly string[];
}

/** The body of a success in the given shape; anything else is malformed. */
export function bodyOf<T>(answer: WireAnswer, shape: ZodType<T>, { call }: AnswerContext): T {
  const read = shape.safeParse(jsonOf(answer));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const where = issue === undefined ? '' : `: ${issue.path.join('.')}: ${issue.code}`;
  throw malformed(answer, call, `the body is not what the API says${where}`);
}

export function malformed(answer: WireAnswer, call: string, detail: string): OpenStackFailure {
  const { status } = answer;
  return new OpenStackFailure({
    kind: 'malformed',
    call,
    status,
    detail,
    requestId: requestIdOf(answer),
    sent: true,
  });
}

/** Undefined where it is none: proxies answer with pages of their own. */
function jsonOf({ headers, body }: WireAnswer): unknown {
  if (!/^application\/(?:[\w.+-]+\+)?json\b/.test(headers.get('content-type') ?? '')) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

interface Told {
  readonly type: string | null;
  readonly message: string;
}

/**
 * A refusal, in the four shapes that there are: Nova's, one key that names the kind; Keystone's `error`; Neutron's
 * `NeutronError`; and the outer layers', a bare `message`. One in no shape at all is not a service's own word.
 */
export function refusalOf(answer: WireAnswer, { call, secrets }: AnswerContext): OpenStackFailure {
  const told = readTold(jsonOf(answer));
  if (told === null) return malformed(answer, call, 'an error that is not the API’s');
  return new OpenStackFailure({
    kind: 'answer',
    call,
    status: answer.status,
    type: told.type === null ? null : cleanText(told.type, secrets),
    detail: cleanText(told.message, secrets),
    retryAfterMs: retryAfterMs(answer),
    requestId: requestIdOf(answer),
    sent: true,
  });
}

function readTold(body: unknown): Told | null {
  if (!isRecord(body)) return null;
  if (typeof body.message === 'string') {
    return { type: typeof body.title === 'string' ? body.title : null, message: body.message };
  }
  const [first] = Object.entries(body);
  if (first === undefined) return null;
  const [key, value] = first;
  if (typeof value === 'string') return { type: key, message: value };
  if (!isRecord(value) || typeof value.message !== 'string') return null;
  const own = [value.type, value.title].find((word) => typeof word === 'string' && word !== '');
  return { type: typeof own === 'string' ? own : key, message: value.message };
}

/** `Retry-After` in seconds; a date would need a clock that agrees with the server's, and is left aside. */
function retryAfterMs({ headers }: WireAnswer): number | null {
  const seconds = /^\d{1,6}$/.exec(headers.get('retry-after') ?? '');
  return seconds === null ? null : Number(seconds[0]) * 1000;
}

function requestIdOf({ headers }: WireAnswer): string | null {
  const id = headers.get('x-openstack-request-id') ?? headers.get('x-compute-request-id');
  return id !== undefined && /^req-[0-9a-f-]{1,60}$/.test(id) ? id : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
