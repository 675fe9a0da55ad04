import { DeadlineError } from '../daemon/deadline.ts';
import { LeaseError, QueueError } from '../model/errors.ts';
import { StoreError } from '../store/port.ts';
import { AccessError, type AccessErrorCode } from './access.ts';
import { ControlError, type ControlErrorCode } from './control.ts';
import type { ApiErrorCode, ErrorBody } from './schema/error.ts';

export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorBody;
  /** True where it is a fault of ours, to be logged: the caller learns no more than that. */
  readonly fault: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

const statusOf = {
  unknownPool: 404,
  unknownOffer: 404,
  unknownInstance: 404,
  unknownCloud: 404,
  unknownDowntime: 404,
  unknownLease: 404,
  refused: 409,
  notReady: 503,
} as const satisfies Record<ControlErrorCode, number>;

const accessStatusOf = {
  unauthorized: 401,
  forbidden: 403,
  tooManyRequests: 429,
} as const satisfies Record<AccessErrorCode, number>;

/** Turns whatever a route threw, or Fastify itself, into an answer of the closed set. */
export function answerTo(error: unknown): ErrorAnswer {
  if (error instanceof ControlError) {
    const body = { error: { code: error.code, message: error.message, reason: error.reason } };
    const headers = error.code === 'notReady' ? { headers: { 'retry-after': '2' } } : {};
    return { status: statusOf[error.code], body, fault: false, ...headers };
  }
  if (error instanceof AccessError) return answerToAccess(error);
  if (error instanceof DeadlineError) {
    return errorAnswer(504, 'timeout', `the queue gave ${error.message}`);
  }
  if (error instanceof LeaseError) return answerToLease(error);
  if (error instanceof QueueError) {
    return errorAnswer(502, 'queueTrouble', `${error.code}: ${error.message}`);
  }
  if (error instanceof StoreError) {
    return { ...errorAnswer(500, 'storeTrouble', `${error.code}: ${error.message}`), fault: true };
  }
  const validation = validationOf(error);
  if (validation !== null) return errorAnswer(400, 'invalid', validation);
  return answerToHttp(error);
}

function answerToAccess({ code, message, retryAfterMs }: AccessError): ErrorAnswer {
  const answer = errorAnswer(accessStatusOf[code], code, message);
  if (code === 'unauthorized') return { ...answer, headers: { 'www-authenticate': 'Bearer' } };
  if (retryAfterMs === null) return answer;
  return { ...answer, headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } };
}

function answerToLease({ code, message }: LeaseError): ErrorAnswer {
  switch (code) {
    case 'unknown':
      return errorAnswer(404, 'unknownLease', message);
    case 'invalid':
      return errorAnswer(400, 'invalid', message);
    case 'over':
      return errorAnswer(409, 'leaseOver', message);
    case 'full':
      return errorAnswer(429, 'tooManyLeases', message);
  }
}

export function errorAnswer(status: number, code: ApiErrorCode, message: string): ErrorAnswer {
  return { status, body: { error: { code, message, reason: null } }, fault: code === 'internal' };
}

/** Fastify's own: an oversized or unreadable body, a content type that is not JSON. */
function answerToHttp(error: unknown): ErrorAnswer {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  if (status === 413) return errorAnswer(413, 'tooLarge', 'the body is longer than any request is');
  if (error instanceof Error && typeof status === 'number' && status >= 400 && status < 500) {
    return errorAnswer(status, 'invalid', error.message);
  }
  return errorAnswer(500, 'internal', 'a fault of the daemon; its log says more');
}

interface Issue {
  readonly instancePath: string;
  readonly message?: string;
}

/** `count: too small`; null where the error is not one of a schema. */
function validationOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('validation' in error) || !Array.isArray(error.validation)) return null;
  const issues: readonly Issue[] = error.validation;
  const texts = issues.map((issue) => {
    const path = issue.instancePath.split('/').filter((part) => part !== '');
    return `${path.length === 0 ? 'request' : path.join('.')}: ${issue.message ?? 'is not valid'}`;
  });
  return texts.slice(0, 5).join('; ');
}
