import { CloudError } from '../../model/errors.ts';
import { no, perhaps, type Verdict } from '../verdicts.ts';
import { redact } from './redact.ts';

/** One call to EC2, as far as its failure is concerned. */
export interface Call {
  readonly action: string;
  /** It changes something: a failure may leave its outcome unknown. */
  readonly write: boolean;
  /** The request was given to the connection: before that nothing can have happened. */
  readonly handedOver: boolean;
  /** Our own signal ended it. */
  readonly aborted: boolean;
  readonly secrets: readonly string[];
}

/** An answer that is not what the API says: its body is cut, oversized, foreign or lacks what it must have. */
export class MalformedAnswer extends Error {}

/** EC2's word that a call which was only tried out (`DryRun`) would have been carried out. */
export class WouldSucceed extends Error {}

export function isWouldSucceed(thrown: unknown): boolean {
  return isRecord(thrown) && (thrown.Code ?? thrown.name) === 'DryRunOperation';
}

/** EC2 does not take the credentials for anybody's, or not any more. A wrong clock is none of these. */
const identityCodes: ReadonlySet<unknown> = new Set([
  'AuthFailure',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
]);

export function isIdentityRefused(thrown: unknown): boolean {
  return isRecord(thrown) && identityCodes.has(thrown.Code ?? thrown.name);
}

/** A code and its text from the body of a success, in the shape of what the SDK throws for a refusal. */
export function vendorError(code: string | undefined, message: string | undefined): unknown {
  const name = code === undefined || code === '' ? 'Unknown' : code;
  return { $fault: 'client', name, Code: name, message: message ?? '' };
}

/** Codes that say the same whatever the HTTP status; InsufficientInstanceCapacity comes as a 500, throttling as a 503. */
const verdicts: Readonly<Record<string, Verdict>> = {
  AuthFailure: no('auth'),
  Blocked: no('auth'),
  UnauthorizedOperation: no('auth'),
  AccessDenied: no('auth'),
  AccessDeniedException: no('auth'),
  InvalidClientTokenId: no('auth'),
  UnrecognizedClientException: no('auth'),
  SignatureDoesNotMatch: no('auth'),
  InvalidSignatureException: no('auth'),
  IncompleteSignature: no('auth'),
  MissingAuthenticationToken: no('auth'),
  RequestExpired: no('auth'),
  RequestTimeTooSkewed: no('auth'),
  ExpiredToken: no('auth'),
  ExpiredTokenException: no('auth'),
  OptInRequired: no('auth'),
  PendingVerification: no('auth'),

  RequestLimitExceeded: no('rateLimited'),
  Throttling: no('rateLimited'),
  ThrottlingException: no('rateLimited'),
  ThrottledException: no('rateLimited'),
  RequestThrottled: no('rateLimited'),
  RequestThrottledException: no('rateLimited'),
  TooManyRequestsException: no('rateLimited'),
  SlowDown: no('rateLimited'),
  EC2ThrottledException: no('rateLimited'),
  ConcurrentTagAccess: no('rateLimited'),

  InsufficientFreeAddressesInSubnet: no('capacity'),
  // In a fleet's answer: EC2 has tried none of that type and place, as it lacks them.
  UnfulfillableCapacity: no('capacity'),
  SpotMaxPriceTooLow: no('capacity'),
  ReservationCapacityExceeded: no('capacity'),

  ResourceCountExceeded: no('quota'),
  ResourceLimitExceeded: no('quota'),
  RequestResourceCountExceeded: no('invalid'),

  Unsupported: no('unsupported'),
  UnsupportedOperation: no('unsupported'),
  UnsupportedInstanceAttribute: no('unsupported'),
  InvalidAction: no('unsupported'),
  UnknownOperationException: no('unsupported'),
  VolumeTypeNotAvailableInZone: no('unsupported'),
  OperationNotPermitted: no('invalid'),

  // The token is known: an earlier call with it was carried out, and what it made has to be looked for.
  IdempotentParameterMismatch: perhaps('invalid'),
  IdempotentInstanceTerminated: perhaps('invalid'),

  InternalError: perhaps('unavailable'),
  InternalFailure: perhaps('unavailable'),
  InternalServerError: perhaps('unavailable'),
  ServerInternal: perhaps('unavailable'),
  ServiceUnavailable: perhaps('unavailable'),
  Unavailable: perhaps('unavailable'),
  RequestTimeout: perhaps('timeout'),
};

/** Families of codes, the first that fits. */
const families: readonly (readonly [RegExp, Verdict])[] = [
  [/^Insufficient\w*Capacity/, no('capacity')],
  [/(?:LimitExceeded|CountExceeded)$/, no('quota')],
  [/^Max\w+(?:Exceeded|Reached)$/, no('quota')],
  [/\.NotFound$|NotFound$|\.Unknown$/, no('notFound')],
  [/^Invalid|^Missing|^Malformed|^Unknown(?:Parameter|VolumeType)|\.Malformed$|\.Duplicate$/, no('invalid')],
  [/^Incorrect\w*State$|^Dependency/, no('invalid')],
];

/** Connection errors that come before a byte of the request is sent. */
const unsentCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EMFILE',
  'ENFILE',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/**
 * Whatever a call threw, as the port's closed error. The vendor's error is not its cause: it holds the answer and,
 * behind that, the request.
 */
export function cloudErrorOf(thrown: unknown, call: Call): CloudError {
  if (thrown instanceof CloudError) return thrown;
  const seen = read(thrown);
  const verdict = judge(seen, call);
  const inDoubt = call.write && call.handedOver && verdict.inDoubt;
  const what = redact(describe(seen, call), call.secrets);
  const wait = seen.retryAfterMs === null ? {} : { retryAfterMs: seen.retryAfterMs };
  return new CloudError(verdict.code, `${call.action}: ${what}`, { ...wait, inDoubt });
}

interface Seen {
  readonly kind: 'malformed' | 'service' | 'connection' | 'credentials' | 'other';
  readonly vendorCode: string;
  readonly message: string;
  readonly httpStatus: number | null;
  readonly retryAfterMs: number | null;
  /** The connection failed while it was being made. */
  readonly connecting: boolean;
}

function judge(seen: Seen, call: Call): Verdict {
  if (call.aborted) return perhaps('timeout');
  if (seen.kind === 'malformed') return byStatus(seen.httpStatus, perhaps('unavailable'));
  if (seen.kind === 'service') {
    const known = Object.hasOwn(verdicts, seen.vendorCode) ? verdicts[seen.vendorCode] : undefined;
    const family = families.find(([pattern]) => pattern.test(seen.vendorCode))?.[1];
    return known ?? family ?? byStatus(seen.httpStatus, perhaps('unavailable'));
  }
  if (seen.kind === 'credentials') return no('auth');
  if (seen.kind === 'connection') {
    if (seen.connecting || unsentCodes.has(seen.vendorCode)) return no('unavailable');
    return seen.vendorCode === 'ETIMEDOUT' ? perhaps('timeout') : perhaps('unavailable');
  }
  return call.handedOver ? perhaps('unavailable') : no('invalid');
}

function byStatus(status: number | null, otherwise: Verdict): Verdict {
  if (status === null || status < 300) return otherwise;
  if (status === 401 || status === 403) return no('auth');
  // Somebody's page, not EC2's word that what was named does not exist.
  if (status === 404) return no('unavailable');
  if (status === 408) return perhaps('timeout');
  if (status === 429) return no('rateLimited');
  if (status < 500) return no('invalid');
  return status === 504 ? perhaps('timeout') : perhaps('unavailable');
}

function describe(seen: Seen, call: Call): string {
  if (call.aborted) return 'no answer in the time allowed';
  const status = seen.httpStatus === null ? '' : ` (HTTP ${seen.httpStatus})`;
  const message = seen.message === '' ? '' : `: ${seen.message}`;
  return `${seen.vendorCode}${status}${message}`;
}

/** Reads what the SDK throws, which has many shapes, without trusting any of them. */
function read(thrown: unknown): Seen {
  const error = isRecord(thrown) ? thrown : {};
  const metadata = isRecord(error.$metadata) ? error.$metadata : {};
  const status = typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : null;
  const errorName = text(error.name) ?? 'Error';
  const systemCode = text(error.code);
  const base = {
    message: text(error.message) ?? '',
    httpStatus: status,
    retryAfterMs: retryAfterMs(error.$response),
    connecting: error.syscall === 'connect' || error.syscall === 'getaddrinfo' || isConnectTimeout(error),
  };
  if (thrown instanceof MalformedAnswer)
    return { ...base, kind: 'malformed', vendorCode: 'malformed answer' };
  if (error.$fault === 'client' || error.$fault === 'server') {
    const vendorCode = text(error.Code) ?? errorName;
    // An error without EC2's own words: what stands in the message would only be the SDK's.
    if (vendorCode === 'Unknown' || (vendorCode === 'NotFound' && error.Code === undefined)) {
      return { ...base, kind: 'malformed', vendorCode: 'an error without a code', message: '' };
    }
    return { ...base, kind: 'service', vendorCode };
  }
  if (status !== null) {
    return {
      ...base,
      kind: 'malformed',
      vendorCode: 'malformed answer',
      message: 'the body is not what EC2 sends',
    };
  }
  if (errorName.includes('CredentialsProvider') || errorName === 'TokenProviderError') {
    return { ...base, kind: 'credentials', vendorCode: errorName };
  }
  if (systemCode !== null || errorName === 'TimeoutError') {
    return { ...base, kind: 'connection', vendorCode: systemCode ?? errorName };
  }
  return { ...base, kind: 'other', vendorCode: errorName };
}

/** The SDK's own limit on making a connection, the only timer of its that is set, has no code. */
function isConnectTimeout(error: Readonly<Record<string, unknown>>): boolean {
  return error.name === 'TimeoutError' && error.code === undefined;
}

/** `Retry-After` in seconds; a date would need a clock that agrees with the server's, and is left aside. */
function retryAfterMs(response: unknown): number | null {
  if (!isRecord(response) || !isRecord(response.headers)) return null;
  const seconds = /^\d{1,6}$/.exec(text(response.headers['retry-after']) ?? '');
  return seconds === null ? null : Number(seconds[0]) * 1000;
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
