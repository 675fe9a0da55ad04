/**
 * refused: the API's own error. malformed: an answer that is not the API's, cut or oversized. connection: no answer came. givenUp:
 * the caller's signal.
 */
export type FailureKind = 'refused' | 'malformed' | 'connection' | 'givenUp';

export interface FailureFacts {
  readonly kind: FailureKind;
  /** The API's error code (431, 530, …); null where the answer has none. */
  readonly errorCode: number | null;
  readonly httpStatus: number | null;
  /** The request may have reached the server: unless it is refused, it may have been carried out. */
  readonly sent: boolean;
  readonly retryAfterMs: number | null;
}

/** Whatever went wrong with a call. Its text is bounded, on one line, and holds no secret of the request. */
export class CallFailure extends Error {
  readonly command: string;
  readonly facts: FailureFacts;

  constructor(command: string, text: string, facts: Partial<FailureFacts> & Pick<FailureFacts, 'kind'>) {
    super(`${command}: ${text}`);
    this.name = 'CallFailure';
    this.command = command;
    this.facts = { errorCode: null, httpStatus: null, sent: true, retryAfterMs: null, ...facts };
  }

  get sent(): boolean {
    return this.facts.sent;
  }

  get retryAfterMs(): number | null {
    return this.facts.retryAfterMs;
  }
}

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
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** What the HTTP client threw instead of an answer. */
export function connectionFailure(command: string, thrown: unknown, signal: AbortSignal): CallFailure {
  if (signal.aborted) return new CallFailure(command, 'no answer in the time allowed', { kind: 'givenUp' });
  const error = typeof thrown === 'object' && thrown !== null ? (thrown as { code?: unknown }) : {};
  const code = typeof error.code === 'string' ? error.code : 'no connection';
  const connecting = 'syscall' in error && (error.syscall === 'connect' || error.syscall === 'getaddrinfo');
  const sent = !connecting && !unsentCodes.has(code);
  return new CallFailure(command, code, { kind: 'connection', sent });
}
