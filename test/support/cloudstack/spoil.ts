import type { ServerResponse } from 'node:http';
import type { Fault } from '../loopback-ec2/faults.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const bytes = Buffer.from(body);
  const type = { 'content-type': 'application/json;charset=UTF-8', 'content-length': bytes.length };
  response.writeHead(status, { ...type, ...headers });
  response.end(bytes);
}

export interface Spoiling {
  readonly command: string;
  readonly carriedOut: () => Answer;
  /** The whole request as text. */
  readonly repeated: () => string;
}

/** Lets one call go wrong as the fault says. */
export function spoil(
  response: ServerResponse,
  fault: Fault,
  { command, carriedOut, repeated }: Spoiling,
): void {
  const error = (status: number, text: string) =>
    JSON.stringify({
      [`${command.toLowerCase()}response`]: { uuidList: [], errorcode: status, errortext: text },
    });
  switch (fault.kind) {
    case 'error': {
      const { status, message, headers } = fault;
      const body = error(status, message ?? 'fault');
      send(response, headers === undefined ? { status, body } : { status, body, headers });
      return;
    }
    case 'echo':
      send(response, { status: fault.status, body: error(fault.status, repeated()) });
      return;
    case 'cut':
      if (fault.when === 'after') carriedOut();
      response.destroy();
      return;
    case 'hang':
      if (fault.when === 'after') carriedOut();
      return;
    case 'half':
      half(response, carriedOut(), fault.after);
      return;
    case 'oversized':
      oversized(response, carriedOut(), fault.bytes);
      return;
    case 'body':
      if (fault.when === 'after') carriedOut();
      send(response, { status: fault.status, body: fault.body });
      return;
  }
}

function half(response: ServerResponse, { status, body }: Answer, after: 'cut' | 'hang' | 'whole'): void {
  const part = body.slice(0, Math.floor(body.length / 2));
  if (after === 'whole') {
    send(response, { status, body: part });
    return;
  }
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.write(part, () => {
    if (after === 'cut') response.destroy();
  });
}

/** So many blanks before the last brace: it would be well-formed, if anybody read it to its end. */
function oversized(response: ServerResponse, { status, body }: Answer, bytes: number): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.write(body.slice(0, -1));
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
    response.end('}');
  };
  more();
}
