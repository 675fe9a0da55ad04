/**
 * answer: the API server refused, in its own words (`status`, `reason` and `causes` say why). malformed: an answer that is
 * not the API's: cut, oversized, somebody else's page. connection: none could be made, or it broke. givenUp: the caller's
 * signal. expired: the list that was read page by page is no longer kept. settings: the kubeconfig, a certificate or a
 * token cannot be used. credentials: the program that makes credentials failed.
 */
export type FailureKind =
  | 'answer'
  | 'malformed'
  | 'connection'
  | 'givenUp'
  | 'expired'
  | 'settings'
  | 'credentials';

/** One of the things that are wrong, as `details.causes` has it. */
export interface Cause {
  readonly reason: string;
  readonly field: string;
}

export interface FailureFacts {
  readonly kind: FailureKind;
  /** What was called, as `create pod`: static text. */
  readonly call: string;
  readonly status?: number | null;
  /** The kind of error in the server's own word: `AlreadyExists`, `Forbidden`, … */
  readonly reason?: string | null;
  readonly causes?: readonly Cause[];
  /** What the error is about, as `pods` or `namespaces`; null where the server does not know the path itself. */
  readonly subject?: string | null;
  /** The server's text, without secrets and bounded. */
  readonly detail?: string;
  readonly retryAfterMs?: number | null;
  /** The request itself had been given to a connection; what came before it does not count. */
  readonly sent: boolean;
}

/** Every failure of the client. Its message holds no secret. */
export class KubernetesFailure extends Error {
  readonly kind: FailureKind;
  readonly call: string;
  readonly status: number | null;
  readonly reason: string | null;
  readonly causes: readonly Cause[];
  readonly subject: string | null;
  readonly detail: string;
  readonly retryAfterMs: number | null;
  readonly sent: boolean;

  constructor(facts: FailureFacts) {
    super(messageOf(facts));
    this.name = 'KubernetesFailure';
    this.kind = facts.kind;
    this.call = facts.call;
    this.status = facts.status ?? null;
    this.reason = facts.reason ?? null;
    this.causes = facts.causes ?? [];
    this.subject = facts.subject ?? null;
    this.detail = facts.detail ?? '';
    this.retryAfterMs = facts.retryAfterMs ?? null;
    this.sent = facts.sent;
  }
}

function messageOf({ kind, call, status, reason, detail }: FailureFacts): string {
  if (kind === 'givenUp') return `${call}: no answer in the time allowed`;
  const words = [
    reason ?? (kind === 'answer' ? null : kind),
    status === undefined || status === null ? null : `(HTTP ${status})`,
    detail === undefined || detail === '' ? null : detail,
  ];
  return `${call}: ${words.filter((word) => word !== null).join(' ')}`;
}

/** The server itself says so, with this status and reason. */
export function isAnswer(thrown: unknown, status: number, reason: string): thrown is KubernetesFailure {
  return (
    thrown instanceof KubernetesFailure &&
    thrown.kind === 'answer' &&
    thrown.status === status &&
    thrown.reason === reason
  );
}

/** The pod, and not its namespace or the whole path, is not there. */
export function isNoSuchPod(thrown: unknown): boolean {
  return isAnswer(thrown, 404, 'NotFound') && thrown.subject === 'pods';
}
