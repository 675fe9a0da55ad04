import { get } from 'node:http';

export interface SentEvent {
  readonly id: string | null;
  readonly event: string | null;
  readonly data: unknown;
}

export interface EventReader {
  readonly status: number;
  /** The next event, as soon as there is one; rejects where the stream ends. */
  next(): Promise<SentEvent>;
  /** Lines that say nothing but that the connection lives, so far. */
  readonly comments: number;
  close(): void;
}

/** Reads server-sent events from a unix socket, as simply as can be: a second reader beside the command's own. */
export function readEvents(
  socketPath: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventReader> {
  return new Promise((opened, failed) => {
    const asked = get({ socketPath, path, headers }, (answer) => {
      const arrived: SentEvent[] = [];
      const waiting: PromiseWithResolvers<SentEvent>[] = [];
      let text = '';
      let comments = 0;
      const take = (block: string) => {
        const fields = new Map(
          block.split('\n').map((line) => {
            const at = line.indexOf(':');
            return [line.slice(0, at), line.slice(at + 1).trimStart()] as const;
          }),
        );
        const data = fields.get('data');
        if (data === undefined) {
          comments += 1;
          return;
        }
        const event = {
          id: fields.get('id') ?? null,
          event: fields.get('event') ?? null,
          data: JSON.parse(data) as unknown,
        };
        const first = waiting.shift();
        if (first === undefined) arrived.push(event);
        else first.resolve(event);
      };
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) take(block);
      });
      answer.on('error', () => {});
      answer.on('close', () => {
        for (const { reject } of waiting) reject(new Error('the stream has ended'));
      });
      opened({
        status: answer.statusCode ?? 0,
        next: () => {
          const first = arrived.shift();
          if (first !== undefined) return Promise.resolve(first);
          const later = Promise.withResolvers<SentEvent>();
          waiting.push(later);
          return later.promise;
        },
        get comments() {
          return comments;
        },
        close: () => asked.destroy(),
      });
    });
    asked.on('error', failed);
  });
}
