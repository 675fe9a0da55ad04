/** The byte at a place; 0 beyond the end, as in C. */
function byteAt(text: string, index: number): number {
  return index < text.length ? text.charCodeAt(index) : 0;
}

/** Bytes are signed there: a byte above 127 sorts before all others. */
function signedByteAt(text: string, index: number): number {
  const byte = byteAt(text, index);
  return byte > 127 ? byte - 256 : byte;
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

function digitsFrom(text: string, start: number): number {
  let end = start;
  while (isDigit(byteAt(text, end))) end++;
  return end - start;
}

/** Zeros that lead a number, without a last one that is the number itself. */
function leadingZeros(text: string, start: number): number {
  let end = start;
  while (byteAt(text, end) === 48) end++;
  if (end > start && !isDigit(byteAt(text, end))) end--;
  return end - start;
}

/**
 * Compares versions: like bytes, but runs of digits as numbers; of numbers that begin with zeros the one with more of
 * them comes first. The size of the result says something about the difference, as in the library.
 */
export function naturalCompare(left: string, right: string): number {
  let at = 0;
  while (at < left.length && byteAt(left, at) === byteAt(right, at)) at++;
  const mismatch = signedByteAt(left, at) - signedByteAt(right, at);
  if (mismatch === 0) return 0;
  let begin = at;
  while (begin > 0 && isDigit(byteAt(left, begin - 1))) begin--;
  if (begin === at && !(isDigit(byteAt(left, at)) && isDigit(byteAt(right, at)))) return mismatch;
  const zerosLeft = leadingZeros(left, begin);
  const zerosRight = leadingZeros(right, begin);
  if (zerosLeft !== zerosRight) return zerosRight - zerosLeft;
  if (zerosLeft > 0) return mismatch;
  const longer = digitsFrom(left, begin) - digitsFrom(right, begin);
  return longer === 0 ? mismatch : longer;
}
