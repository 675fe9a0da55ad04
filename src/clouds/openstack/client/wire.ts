import type { Dispatcher } from 'undici';
import { type FailureKind, OpenStackFailure } from './failure.ts';

export interface WireRequest {
  /** For messages: what is called, as `create server`. */
  readonly call: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly answerBytesMax: number;
}

export interface WireAnswer {
  readonly status: number;
  /** By lower-case name; the first where there are several. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/**
 * Sends a request once and reads the answer whole, within a bound of bytes and as long as the signal lets it. There is no
 * other timer. A failure says whether the request had been given to a connection: before that nothing can have happened.
 */
export function send(dispatcher: Dispatcher, request: WireRequest, signal: AbortSignal): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    let sent = false;
    let settled = false;
    let controller: Dispatcher.DispatchController | null = null;
    let status = 0;
    let headers: ReadonlyMap<string, string> = new Map();
    const chunks: Buffer[] = [];
    let bytes = 0;

    const settle = (): boolean => {
      const first = !settled;
      settled = true;
      signal.removeEventListener('abort', giveUp);
      return first;
    };
    const fail = (kind: FailureKind, detail: string) => {
      if (!settle()) return;
      const seen = status === 0 ? null : status;
      reject(new OpenStackFailure({ kind, call: request.call, status: seen, detail, sent }));
      controller?.abort(new Error('given up'));
    };
    const giveUp = () => fail('givenUp', '');

    if (signal.aborted) {
      giveUp();
      return;
    }
    signal.addEventListener('abort', giveUp, { once: true });

    const { origin, pathname, search } = new URL(request.url);
    const options: Dispatcher.DispatchOptions = {
      origin,
      path: `${pathname}${search}`,
      method: request.method,
      headers: { ...request.headers },
      body: request.body,
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    dispatcher.dispatch(options, {
      onRequestStart(started) {
        // It has waited for a connection, and nobody waits for it any more.
        if (settled) {
          started.abort(new Error('given up'));
          return;
        }
        controller = started;
        sent = true;
      },
      onResponseStart(_started, code, received) {
        status = code;
        headers = flat(received);
      },
      onResponseData(_started, chunk) {
        bytes += chunk.length;
        if (bytes > request.answerBytesMax) fail('malformed', `more than ${request.answerBytesMax} bytes`);
        else chunks.push(chunk);
      },
      onResponseEnd() {
        if (settle()) resolve({ status, headers, body: Buffer.concat(chunks, bytes) });
      },
      onResponseError(_started, error) {
        fail('connection', wordOf(error));
      },
    });
  });
}

function flat(received: Readonly<Record<string, string | readonly string[] | undefined>>) {
  return new Map(
    Object.entries(received).flatMap(([name, value]) => {
      const first = typeof value === 'string' ? value : value?.[0];
      return first === undefined ? [] : [[name.toLowerCase(), first] as const];
    }),
  );
}

/** Its code, or its name: a message may hold an address, and says no more. */
function wordOf(error: Error): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  return 'code' in inner && typeof inner.code === 'string' ? inner.code : inner.name;
}
