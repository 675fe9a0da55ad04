/**
 * The closed set of what can go wrong at a cloud: the core switches on the code, exhaustively, and a vendor's
 * own error never crosses the port.
 *
 * notFound: what the call names does not exist. capacity: the cloud has no room for this offer now. quota: our
 * account has reached a limit. auth: credentials refused. rateLimited: too many calls. invalid: the request can
 * never succeed as it is. timeout: no answer in time; after a write the outcome is *unknown*. unavailable: the
 * service answered that it is in trouble, or could not be reached before the request was sent. unsupported: this
 * cloud cannot do that.
 */
export const cloudErrorCodes = [
  'notFound',
  'capacity',
  'quota',
  'auth',
  'rateLimited',
  'invalid',
  'timeout',
  'unavailable',
  'unsupported',
] as const;
export type CloudErrorCode = (typeof cloudErrorCodes)[number];

export class CloudError extends Error {
  readonly code: CloudErrorCode;
  /** Set where the cloud said how long to wait. */
  readonly retryAfterMs: number | null;
  /**
   * For writes: true when the request may have taken effect although no answer says so. A write that is
   * refused by the cloud, or that never left this host, is not in doubt.
   */
  readonly inDoubt: boolean;

  constructor(
    code: CloudErrorCode,
    message: string,
    options: { retryAfterMs?: number; inDoubt?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CloudError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.inDoubt = options.inDoubt ?? false;
  }
}

/**
 * denied: the scheduler refuses us. timeout: no answer in time. unavailable: it cannot be reached, or says that
 * it is in trouble. malformed: the answer is not what the contract says. invalid: our own request was refused as
 * wrong (a bad constraint, an unknown worker). missing: the program to ask with is not installed.
 */
export const queueErrorCodes = [
  'denied',
  'timeout',
  'unavailable',
  'malformed',
  'invalid',
  'notFound',
  'missing',
  'unsupported',
] as const;
export type QueueErrorCode = (typeof queueErrorCodes)[number];

export class QueueError extends Error {
  readonly code: QueueErrorCode;

  constructor(code: QueueErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'QueueError';
    this.code = code;
  }
}

/**
 * unknown: there is no such lease. over: it is cleaning or has ended. invalid: it can never be given, for the reason that
 * the message says. full: more leases wait than may.
 */
export const leaseErrorCodes = ['unknown', 'over', 'invalid', 'full'] as const;
export type LeaseErrorCode = (typeof leaseErrorCodes)[number];

export class LeaseError extends Error {
  readonly code: LeaseErrorCode;

  constructor(code: LeaseErrorCode, message: string) {
    super(message);
    this.name = 'LeaseError';
    this.code = code;
  }
}
