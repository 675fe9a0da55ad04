import type {
  $Command,
  EC2Client,
  EC2ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-ec2';
import { cloudErrorOf, isIdentityRefused, isWouldSucceed, MalformedAnswer, WouldSucceed } from './errors.ts';

/** One answer at most: a page of 1,000 instances has about 8 MB. */
export const answerBytesMax = 64 * 1024 * 1024;

export interface ExchangeOptions {
  readonly action: string;
  readonly write: boolean;
  readonly signal: AbortSignal;
  /** What must not show in an error, beside the credentials. */
  readonly secrets?: readonly string[];
}

type Ec2Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = $Command<
  I,
  O,
  EC2ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes
>;

export type Exchange = <I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  command: Ec2Command<I, O>,
  options: ExchangeOptions,
) => Promise<O>;

/** Credentials that are looked up: who we are by them, as a text to be compared and never shown. */
export interface Renewal {
  identity(): Promise<string>;
  /** Looks them up anew, whatever end they were said to have. */
  renew(): Promise<string>;
}

/** What an exchange sends through. */
export interface Wire {
  readonly client: EC2Client;
  /** Texts that must not show in an error. */
  readonly secrets: readonly string[];
  readonly renewal: Renewal | null;
  /** Is told the `Date` header of each answer. */
  readonly onDate?: (text: string) => void;
}

/**
 * Sends a command and reads its answer whole, within a bound of bytes and as long as the signal lets it. It is sent once;
 * once more only where EC2 has refused who sent it (so nothing was done) and looking up the credentials anew has brought
 * others. Every failure is a CloudError; it knows whether the request had been given to the connection.
 */
export function exchangeThrough({ client, secrets, renewal, onDate }: Wire): Exchange {
  return async (command, options) => {
    const { signal } = options;
    const sent = { handedOver: false, as: '' };
    command.middlewareStack.add(
      (next) => async (args) => {
        sent.handedOver = true;
        sent.as = signedAs(args.request);
        const result = await next(args);
        if (!isHttpAnswer(result.response)) return result;
        const { headers } = result.response;
        if (headers?.date !== undefined) onDate?.(headers.date);
        const body = await readAnswer(result.response.body, signal);
        if (result.response.statusCode < 300) assertWhole(body, options.action);
        result.response.body = body;
        return result;
      },
      { step: 'deserialize', priority: 'low', name: 'readAnswerWhole' },
    );
    const send = () => {
      sent.handedOver = false;
      signal.throwIfAborted();
      return orAborted(client.send(command, { abortSignal: signal }), signal);
    };
    try {
      try {
        return await send();
      } catch (thrown) {
        if (renewal === null || !isIdentityRefused(thrown) || signal.aborted) throw thrown;
        if (!(await orAborted(hasOthers(renewal, sent.as), signal).catch(() => false))) throw thrown;
        return await send();
      }
    } catch (thrown) {
      if (isWouldSucceed(thrown)) throw new WouldSucceed(options.action);
      throw cloudErrorOf(thrown, {
        action: options.action,
        write: options.write,
        handedOver: sent.handedOver,
        aborted: signal.aborted,
        secrets: [...secrets, ...(options.secrets ?? [])],
      });
    }
  };
}

/** Whether there are other credentials by now than those that were refused; another call may have renewed them. */
async function hasOthers(renewal: Renewal, refused: string): Promise<boolean> {
  return (await renewal.identity()) !== refused || (await renewal.renew()) !== refused;
}

/** Whose credentials a request bears, in the words of `Renewal`. */
function signedAs(request: unknown): string {
  if (typeof request !== 'object' || request === null || !('headers' in request)) return '';
  const headers = request.headers as Readonly<Record<string, string | undefined>>;
  const key = /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? '';
  return `${key} ${headers['x-amz-security-token'] ?? ''}`;
}

/**
 * The SDK hears of the signal only while the request is under way, not while it looks for credentials. A request
 * that is made after all finds the signal aborted and is not sent.
 */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
  }
}

interface HttpAnswer {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  body: unknown;
}

function isHttpAnswer(value: unknown): value is HttpAnswer {
  return typeof value === 'object' && value !== null && 'statusCode' in value && 'body' in value;
}

async function readAnswer(body: unknown, signal: AbortSignal): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  if (!isByteStream(body)) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    signal.throwIfAborted();
    bytes += chunk.byteLength;
    // Leaving the loop destroys the stream, and with it the connection.
    if (bytes > answerBytesMax) throw new MalformedAnswer(`more than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

function isByteStream(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/**
 * The SDK takes an empty body, or a page of some proxy, for an answer in which everything optional is missing: a
 * list of nothing. So an answer must begin and end as the one to this action.
 */
function assertWhole(body: Uint8Array, action: string): void {
  const edge = (part: Uint8Array) => Buffer.from(part).toString('latin1');
  const root = `${action}Response`;
  const begin = edge(body.subarray(0, 512));
  const end = edge(body.subarray(-256)).trimEnd();
  if (!new RegExp(`<${root}[\\s>]`).test(begin) || !end.endsWith(`</${root}>`)) {
    throw new MalformedAnswer(`not a whole ${root}`);
  }
}
