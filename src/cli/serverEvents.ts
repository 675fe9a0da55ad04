/** One server-sent event; `data` is its lines, joined. */
export interface ServerEvent {
  readonly id: string | null;
  readonly event: string | null;
  readonly data: string;
}

/** An event of ours is a few KiB, a frame of a large site a few MiB. */
const eventCharactersMax = 64 * 2 ** 20;

/** What is longer than any event of ours, and so is none. */
export class EndlessEvent extends Error {}

/**
 * The events of a stream's pieces, as the HTML standard has them, but for `retry`, which is left out. Comments say nothing.
 * Throws EndlessEvent, and what the pieces throw.
 */
export async function* parseServerEvents(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let id: string | null = null;
  let event: string | null = null;
  let data: string[] = [];
  for await (const piece of pieces) {
    rest += decoder.decode(piece, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > eventCharactersMax) throw new EndlessEvent();
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (data.length > 0) yield { id, event, data: data.join('\n') };
        event = null;
        data = [];
        continue;
      }
      const { name, value } = fieldOf(line);
      if (name === 'id') id = value;
      else if (name === 'event') event = value;
      else if (name === 'data') data.push(value);
    }
  }
}

/** A comment is a field without a name. */
function fieldOf(line: string): { readonly name: string; readonly value: string } {
  const at = line.indexOf(':');
  if (at < 0) return { name: line, value: '' };
  const value = line.slice(at + 1);
  return { name: line.slice(0, at), value: value.startsWith(' ') ? value.slice(1) : value };
}
