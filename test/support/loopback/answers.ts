import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';

export interface Answer {
  readonly status: number;
  /** Null: there is none. */
  readonly body: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How a server speaks. */
export interface Voice {
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly refusal: (status: number, code: string, message: string) => string;
  /** What an answer without a body has in place of one where it is spoiled. */
  readonly empty: string;
  /** Where blanks may stand in a body that stays well-formed with them: characters from its beginning. */
  readonly blanksAt: (body: string) => number;
}

export const json: Pick<Voice, 'empty' | 'blanksAt'> = {
  empty: '{}',
  blanksAt: (body) => body.length - 1,
};

export function send(response: ServerResponse, voice: Voice, { status, body, headers }: Answer): void {
  if (body === null) {
    response.writeHead(status, { ...headers });
    response.end();
    return;
  }
  const bytes = Buffer.from(body);
  const length = { 'content-type': voice.contentType, 'content-length': bytes.length };
  response.writeHead(status, { ...length, ...voice.headers, ...headers });
  response.end(bytes);
}

export interface Spoiling {
  readonly voice: Voice;
  readonly carriedOut: () => Answer;
  /** The whole request as text. */
  readonly repeated: () => string;
}

/** Lets one call go wrong as the fault says. */
export function spoil(response: ServerResponse, fault: Fault, spoiling: Spoiling): void {
  const { voice, carriedOut, repeated } = spoiling;
  switch (fault.kind) {
    case 'error': {
      const { status, code, message = code, headers = {} } = fault;
      send(response, voice, { status, body: voice.refusal(status, code, message), headers });
      return;
    }
    case 'echo': {
      const { status, code } = fault;
      send(response, voice, { status, body: voice.refusal(status, code, repeated()) });
      return;
    }
    case 'cut':
      if (fault.when === 'after') carriedOut();
      response.destroy();
      return;
    case 'hang':
      if (fault.when === 'after') carriedOut();
      return;
    case 'half':
      half(response, voice, carriedOut(), fault.after);
      return;
    case 'oversized':
      oversized(response, voice, carriedOut(), fault.bytes);
      return;
    case 'body': {
      if (fault.when === 'after') carriedOut();
      const { status, body } = fault;
      const contentType = body.startsWith('<html') ? 'text/html' : voice.contentType;
      send(response, { ...voice, contentType }, { status, body });
      return;
    }
  }
}

/** An answer without a body is cut in its status line, or pretends to be one with half of a body. */
function half(
  response: ServerResponse,
  voice: Voice,
  { status, body, headers }: Answer,
  after: 'cut' | 'hang' | 'whole',
): void {
  if (body === null && after === 'cut') {
    response.socket?.write('HTTP/1.1 2', () => response.destroy());
    return;
  }
  const whole = Buffer.from(body ?? voice.empty);
  const part = whole.subarray(0, Math.floor(whole.length / 2));
  const length = after === 'whole' ? part.length : whole.length;
  const type = { 'content-type': voice.contentType, 'content-length': length };
  response.writeHead(body === null ? 200 : status, { ...type, ...headers });
  if (after === 'whole') {
    response.end(part);
    return;
  }
  response.write(part, () => {
    if (after === 'cut') response.destroy();
  });
}

/** So many blanks inside the answer: it would be well-formed, if anybody read it to its end. */
function oversized(
  response: ServerResponse,
  voice: Voice,
  { status, body, headers }: Answer,
  bytes: number,
): void {
  const whole = body ?? voice.empty;
  const at = voice.blanksAt(whole);
  response.writeHead(body === null ? 200 : status, { 'content-type': voice.contentType, ...headers });
  response.write(whole.slice(0, at));
  const blanks = Buffer.alloc(1024 * 1024, ' ');
  let left = bytes;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= blanks.length;
      if (!response.write(blanks)) {
        response.once('drain', more);
        return;
      }
    }
    response.end(whole.slice(at));
  };
  more();
}

/** Rejects where it is larger than any request is. */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error('the request is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
