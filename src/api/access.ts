import { createHash, timingSafeEqual } from 'node:crypto';
import type { AccessToken } from '../model/access.ts';

/**
 * unauthorized: no token, or one that nobody has. forbidden: the token may not do that, or not there. tooManyRequests: more
 * than its rate; may be asked again after a while.
 */
export type AccessErrorCode = 'unauthorized' | 'forbidden' | 'tooManyRequests';

export class AccessError extends Error {
  readonly code: AccessErrorCode;
  /** Set where the code is `tooManyRequests`. */
  readonly retryAfterMs: number | null;

  constructor(code: AccessErrorCode, message: string, retryAfterMs: number | null = null) {
    super(message);
    this.name = 'AccessError';
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** RFC 6750's characters. */
const bearer = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i;

/**
 * Whose token the header bears; null: nobody's. The time it takes tells nothing of how near a guess is: hashes are compared, each
 * whole, with all tokens.
 */
export function tokenOf(header: string | undefined, tokens: readonly AccessToken[]): AccessToken | null {
  const [, shown] = bearer.exec(header ?? '') ?? [];
  if (shown === undefined) return null;
  const digest = digestOf(shown);
  let found: AccessToken | null = null;
  for (const token of tokens) if (timingSafeEqual(digest, token.digest)) found = token;
  return found;
}

export function digestOf(secret: string | Uint8Array): Uint8Array {
  return createHash('sha256').update(secret).digest();
}
