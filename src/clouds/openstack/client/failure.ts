/**
 * answer: the service refused, or says that it is in trouble (`status` and `type` say which). malformed: an answer that is
 * not what the API says: cut, oversized, somebody else's page. connection: none could be made, or it broke. givenUp: the
 * caller's signal. refused: a token that is of no use, e.g. without a project. settings: what was asked for cannot be
 * sent (a service that the catalog lacks, a clouds.yaml that cannot be read).
 */
export type FailureKind = 'answer' | 'malformed' | 'connection' | 'givenUp' | 'refused' | 'settings';

export interface FailureFacts {
  readonly kind: FailureKind;
  /** What was called, as `create server`: static text. */
  readonly call: string;
  readonly status?: number | null;
  /** The kind of error in the service's own word: `badRequest`, `OverQuota`, … */
  readonly type?: string | null;
  /** The service's text, without secrets and bounded. */
  readonly detail?: string;
  readonly retryAfterMs?: number | null;
  readonly requestId?: string | null;
  /** The request itself had been given to a connection; a log-in before it does not count. */
  readonly sent: boolean;
}

/** Every failure of the client. Its message holds no secret. */
export class OpenStackFailure extends Error {
  readonly kind: FailureKind;
  readonly call: string;
  readonly status: number | null;
  readonly type: string | null;
  readonly detail: string;
  readonly retryAfterMs: number | null;
  readonly requestId: string | null;
  readonly sent: boolean;

  constructor(facts: FailureFacts) {
    super(messageOf(facts));
    this.name = 'OpenStackFailure';
    this.kind = facts.kind;
    this.call = facts.call;
    this.status = facts.status ?? null;
    this.type = facts.type ?? null;
    this.detail = facts.detail ?? '';
    this.retryAfterMs = facts.retryAfterMs ?? null;
    this.requestId = facts.requestId ?? null;
    this.sent = facts.sent;
  }
}

function messageOf({ kind, call, status, type, detail, requestId }: FailureFacts): string {
  if (kind === 'givenUp') return `${call}: no answer in the time allowed`;
  const words = [
    type ?? (kind === 'answer' ? null : kind),
    status === undefined || status === null ? null : `(HTTP ${status})`,
    detail === undefined || detail === '' ? null : detail,
    requestId === undefined || requestId === null ? null : `[${requestId}]`,
  ];
  return `${call}: ${words.filter((word) => word !== null).join(' ')}`;
}

/** The failure of what had to come before a call: the call itself has not been sent. */
export function beforeCall(failure: OpenStackFailure, kind: FailureKind = failure.kind): OpenStackFailure {
  const { call, status, type, detail, retryAfterMs, requestId } = failure;
  return new OpenStackFailure({ kind, call, status, type, detail, retryAfterMs, requestId, sent: false });
}

/**
 * Whether the thing that the call names is not there, in the service's own word for it (`itemNotFound`, `FloatingIPNotFound`):
 * a 404 of what stands before the service, or of a path that it does not know, is none.
 */
export function isNotFound(thrown: unknown): boolean {
  if (!(thrown instanceof OpenStackFailure) || thrown.kind !== 'answer' || thrown.status !== 404)
    return false;
  return thrown.type !== 'HTTPNotFound' && /^\w+NotFound$/.test(thrown.type ?? '');
}
