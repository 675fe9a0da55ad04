const newline = 0x0a;

/** Cuts bytes that come in pieces into lines, each given without its end; empty ones are left out. Throws what `tooLong` gives. */
export function splitLines(
  bytesMax: number,
  onLine: (line: string) => void,
  tooLong: () => Error,
): (chunk: Buffer) => void {
  let held: Buffer[] = [];
  let bytes = 0;
  const hold = (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > bytesMax) throw tooLong();
    held.push(piece);
  };
  return (chunk) => {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      hold(chunk.subarray(from, end));
      const line = Buffer.concat(held, bytes).toString('utf8');
      held = [];
      bytes = 0;
      from = end + 1;
      if (line.trim() !== '') onLine(line);
    }
    if (from < chunk.length) hold(chunk.subarray(from));
  };
}
