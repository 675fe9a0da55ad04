import type { z } from 'zod';
import { cleanText } from './cleanText.ts';
import { KubernetesFailure } from './failure.ts';
import { splitLines } from './lines.ts';
import { type Pod, podShape, versionedShape, watchErrorShape, watchEventShape } from './objects.ts';

export interface Watch {
  /** Of the cluster's state: what happened after it is told. */
  readonly version: string;
  /** The server ends the watch after so long. */
  readonly seconds: number;
  readonly onEvent: (event: PodEvent) => void;
}

/** changed: it was made, or is otherwise. gone: it is no more, or its labels are others. bookmark: nothing, but a later version. */
export type PodEvent =
  | { readonly kind: 'changed' | 'gone'; readonly version: string; readonly pod: Pod }
  | { readonly kind: 'bookmark'; readonly version: string };

/** One object: a cluster's store holds none of more than some 1.5 MiB. */
const lineBytesMax = 8 * 1024 * 1024;

/**
 * Reads the answer to a watch: a JSON object in each line. An ERROR among them is thrown as an answer with its code: 410 where the
 * cluster no longer keeps what has happened since `version`; the status says nothing of it, it is 200.
 */
export function watchEvents(call: string, onEvent: (event: PodEvent) => void): (chunk: Buffer) => void {
  const wrong = (detail: string) =>
    new KubernetesFailure({ kind: 'malformed', call, status: 200, detail, sent: true });

  function shaped<T>(shape: z.ZodType<T>, value: unknown): T {
    const read = shape.safeParse(value);
    if (!read.success) throw wrong('an event is not what the API says');
    return read.data;
  }

  function onLine(line: string): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw wrong('a line is no event');
    }
    const { type, object } = shaped(watchEventShape, value);
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
        onEvent({ kind: 'changed', version: versionOf(object), pod: shaped(podShape, object) });
        break;
      case 'DELETED':
        onEvent({ kind: 'gone', version: versionOf(object), pod: shaped(podShape, object) });
        break;
      case 'BOOKMARK':
        onEvent({ kind: 'bookmark', version: versionOf(object) });
        break;
      case 'ERROR': {
        const { code, reason } = shaped(watchErrorShape, object);
        const word = cleanText(reason ?? 'Unknown', []);
        throw new KubernetesFailure({ kind: 'answer', call, status: code, reason: word, sent: true });
      }
      default:
        throw wrong('an event of a kind that is not known');
    }
  }

  const versionOf = (object: unknown) => shaped(versionedShape, object).metadata.resourceVersion;
  return splitLines(lineBytesMax, onLine, () => wrong(`a line of more than ${lineBytesMax} bytes`));
}
