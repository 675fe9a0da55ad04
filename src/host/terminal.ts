import type { ReadStream, WriteStream } from 'node:tty';

export interface Terminal {
  /** Null: it is none. */
  size(): { readonly columns: number; readonly rows: number } | null;
  /** Reads keys one by one, unechoed, until what it returns is called. */
  open(on: { readonly onKey: (key: string) => void; readonly onResize: () => void }): () => void;
}

export function createTerminal(input: ReadStream, output: WriteStream): Terminal {
  const isTerminal = input.isTTY && output.isTTY;
  return {
    size: () => (isTerminal ? { columns: output.columns, rows: output.rows } : null),
    open: ({ onKey, onResize }) => {
      const read = (text: string) => onKey(text);
      input.setRawMode(true);
      input.setEncoding('utf8');
      input.on('data', read);
      input.resume();
      output.on('resize', onResize);
      return () => {
        output.off('resize', onResize);
        input.off('data', read);
        input.setRawMode(false);
        input.pause();
        input.unref();
      };
    },
  };
}
