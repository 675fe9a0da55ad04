import type { Dispatcher } from 'undici';
import { type FailureKind, KubernetesFailure } from './failure.ts';

export interface WireRequest {
  /** For messages: what is called, as `create pod`. */
  readonly call: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string | null;
  readonly answerBytesMax: number;
  /** The body of a 200, piece by piece as it comes: it is not kept then, and may be of any length. What this throws ends the answer. */
  readonly onData?: (chunk: Buffer) => void;
}

export interface WireAnswer {
  readonly status: number;
  /** By lower-case name; the first where there are several. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/**
 * One request, one answer, read whole and within a bound of bytes, or handed on as it comes. The signal is the only timer. `sent` of a failure says
 * whether the request had been handed to a connection: before that nothing can have happened.
 */
export async function send(
  dispatcher: Dispatcher,
  request: WireRequest,
  signal: AbortSignal,
): Promise<WireAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  let sent = false;
  let over = false;
  let status: number | null = null;
  let headers: ReadonlyMap<string, string> = new Map();
  let controller: Dispatcher.DispatchController | null = null;

  const failWith = (why: unknown) => {
    if (over) return;
    over = true;
    reject(why);
    controller?.abort(new Error('given up'));
  };
  const fail = (kind: FailureKind, detail: string) =>
    failWith(new KubernetesFailure({ kind, call: request.call, status, detail, sent }));
  const giveUp = () => fail('givenUp', '');
  if (signal.aborted) {
    giveUp();
    return promise;
  }
  signal.addEventListener('abort', giveUp, { once: true });

  const { origin, pathname, search } = new URL(request.url);
  dispatcher.dispatch(
    {
      origin,
      path: `${pathname}${search}`,
      method: request.method,
      headers: { ...request.headers },
      body: request.body,
      headersTimeout: 0,
      bodyTimeout: 0,
    },
    {
      onRequestStart(begun) {
        // It may have waited for a free connection longer than its caller did for it.
        if (over) begun.abort(new Error('given up'));
        else {
          controller = begun;
          sent = true;
        }
      },
      onResponseStart(_controller, code, received) {
        status = code;
        headers = firstOfEach(received);
      },
      onResponseData(_controller, chunk) {
        if (over) return;
        if (request.onData !== undefined && status === 200) {
          try {
            request.onData(chunk);
          } catch (thrown) {
            failWith(thrown);
          }
          return;
        }
        bytes += chunk.length;
        if (bytes > request.answerBytesMax) fail('malformed', `more than ${request.answerBytesMax} bytes`);
        else chunks.push(chunk);
      },
      onResponseEnd() {
        if (over) return;
        over = true;
        resolve({ status: status ?? 0, headers, body: Buffer.concat(chunks, bytes) });
      },
      onResponseError(_controller, error) {
        fail('connection', wordOf(error));
      },
    },
  );
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function firstOfEach(received: Readonly<Record<string, string | readonly string[] | undefined>>) {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(received)) {
    const first = typeof value === 'string' ? value : value?.[0];
    if (first !== undefined) found.set(name.toLowerCase(), first);
  }
  return found;
}

/** Its code, or else its name: a message may have an address in it, and says no more. */
function wordOf(error: Error): string {
  const inner = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  return 'code' in inner && typeof inner.code === 'string' ? inner.code : inner.name;
}
