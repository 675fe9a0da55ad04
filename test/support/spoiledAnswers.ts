import type { ServerResponse } from 'node:http';

export interface ProxyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
}

/** A reset rather than an orderly end, as from a host that is gone. */
export function cut(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

function head(response: ServerResponse, { status, headers }: ProxyAnswer, bytes: number): void {
  response.writeHead(status, { ...(headers as Record<string, string | string[]>), 'content-length': bytes });
}

export function send(response: ServerResponse, answer: ProxyAnswer): void {
  const bytes = Buffer.from(answer.body);
  head(response, answer, bytes.length);
  response.end(bytes);
}

export function sendPart(
  response: ServerResponse,
  answer: ProxyAnswer,
  ending: 'cut' | 'hang' | 'whole',
): void {
  const bytes = Buffer.from(answer.body);
  const part = bytes.subarray(0, Math.floor(bytes.length / 2));
  if (ending === 'whole') {
    send(response, { ...answer, body: part.toString('utf8') });
    return;
  }
  head(response, answer, bytes.length);
  response.write(part, () => {
    if (ending === 'cut') response.destroy();
  });
}

export function sendOversize(response: ServerResponse, answer: ProxyAnswer, bytes: number): void {
  const body = Buffer.from(answer.body);
  head(response, answer, body.length + bytes);
  response.write(body);
  let left = bytes;
  const more = () => {
    while (left > 0) {
      if (response.destroyed) return;
      const blanks = Buffer.alloc(Math.min(left, 1024 * 1024), ' ');
      left -= blanks.length;
      if (!response.write(blanks)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
}
