import { QueueError, type QueueErrorCode } from '../../model/errors.ts';

/**
 * The server says what went wrong by the class of its exception; the HTTP code of the same is 404 for a wrong password
 * as for an unknown job. Rows by the last part of the class's name, in this order: the first that fits decides.
 */
const rows: readonly (readonly [RegExp, QueueErrorCode])[] = [
  [/^(Unknown(Job|Task)|NodeNotFound)/, 'notFound'],
  [/^(Login|Key|Permission|NotConnected|Security|AccessControl|Credential)/, 'denied'],
  [/^(IllegalArgument|BadJobPriority|RMNode)/, 'invalid'],
];

/** What the server's answer of an error says; `expired`: the session is over, and nothing was done. */
export interface Refusal {
  readonly error: QueueError;
  readonly expired: boolean;
}

/** Only for answers with another status than 2xx. `secrets`: what must not be in the text of the error. */
export function refusalOf(
  what: string,
  { status, text }: { readonly status: number; readonly text: string },
  secrets: readonly string[],
): Refusal {
  const body = errorBody(text);
  const kind = body.exceptionClass.slice(body.exceptionClass.lastIndexOf('.') + 1);
  const code = rows.find(([pattern]) => pattern.test(kind))?.[1] ?? byStatus(status, body.isOurs);
  const said = clean(body.errorMessage, secrets);
  const words = [String(status), kind, said].filter((word) => word !== '').join(' ');
  return {
    error: new QueueError(code, `${what}: ${words}`),
    // A session that the server does not know is 401 whatever its class; a password that is wrong is not.
    expired: kind.startsWith('NotConnected') || (status === 401 && !/^(Login|Key)/.test(kind)),
  };
}

function byStatus(status: number, isOurs: boolean): QueueErrorCode {
  if (status === 401 || status === 403) return 'denied';
  if (status === 429 || status >= 500) return 'unavailable';
  if (status === 404) return isOurs ? 'notFound' : 'malformed';
  return isOurs ? 'invalid' : 'malformed';
}

function errorBody(text: string): { exceptionClass: string; errorMessage: string; isOurs: boolean } {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) {
      const { exceptionClass, errorMessage, httpErrorCode } = parsed as Record<string, unknown>;
      return {
        exceptionClass: typeof exceptionClass === 'string' ? exceptionClass.slice(0, 200) : '',
        errorMessage: typeof errorMessage === 'string' ? errorMessage : '',
        isOurs: typeof httpErrorCode === 'number' || typeof exceptionClass === 'string',
      };
    }
  } catch {
    // A proxy before the server, or another server.
  }
  return { exceptionClass: '', errorMessage: '', isOurs: false };
}

const textCharsMax = 300;
const readCharsMax = 8192;
const pieceCharsMin = 4;

/** A server's text in one bounded line, without what is secret and without what looks like a key. */
export function clean(text: string, secrets: readonly string[]): string {
  let said = text.slice(0, readCharsMax);
  for (const whole of secrets) {
    for (const piece of [
      whole,
      encodeURIComponent(whole.toWellFormed()),
      Buffer.from(whole).toString('base64'),
    ])
      if (piece.length >= pieceCharsMin) said = said.replaceAll(piece, '[secret]');
  }
  said = said
    .replaceAll(/[A-Za-z0-9+/_=%-]{40,}/g, '[…]')
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return said.length > textCharsMax ? `${said.slice(0, textCharsMax)}…` : said;
}

/** What the HTTP client threw instead of an answer. */
export function connectionError(what: string, thrown: unknown): QueueError {
  if (thrown instanceof QueueError) return thrown;
  const code =
    typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string'
      ? thrown.code
      : 'no connection';
  return new QueueError('unavailable', `${what}: ${code}`);
}
