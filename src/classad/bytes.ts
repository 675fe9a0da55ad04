/**
 * Strings of the language are bytes. We keep one byte in each UTF-16 unit of a JavaScript string: ASCII text, which
 * is nearly all there is, is then itself, and V8 stores it in one byte a character.
 */
const nonAscii = /[^\0-\x7f]/u;

/** UTF-8 bytes of a text, one in each unit. A lone surrogate becomes U+FFFD. */
export function toBytes(text: string): string {
  return nonAscii.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** The text that the bytes spell in UTF-8; invalid sequences become U+FFFD. */
export function fromBytes(bytes: string): string {
  return nonAscii.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}

/**
 * The same text as a string of its own: a part of a text keeps the whole of it in memory, which may be that of all
 * ads of a pool.
 */
export function detached(text: string): string {
  const encoding = nonAscii.test(text) ? 'utf16le' : 'latin1';
  return Buffer.from(text, encoding).toString(encoding);
}

/** ASCII letters to lower case; other bytes as they are, unlike String.toLowerCase. */
export function lowerBytes(bytes: string): string {
  return nonAscii.test(bytes)
    ? bytes.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    : bytes.toLowerCase();
}

const loweredMax = 8192;
const lowered = new Map<string, string>();

/** The same for names, of which there are not many: kept. */
export function lowerName(bytes: string): string {
  const known = lowered.get(bytes);
  if (known !== undefined) return known;
  if (lowered.size >= loweredMax) lowered.clear();
  const lower = detached(lowerBytes(bytes));
  lowered.set(detached(bytes), lower);
  return lower;
}

export function upperBytes(bytes: string): string {
  return nonAscii.test(bytes)
    ? bytes.replace(/[a-z]+/g, (letters) => letters.toUpperCase())
    : bytes.toUpperCase();
}

/** Like C's strcasecmp: bytes compared after folding ASCII letters to lower case; <0, 0 or >0. */
export function compareFolded(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    let a = left.charCodeAt(i);
    let b = right.charCodeAt(i);
    if (a === b) continue;
    if (a >= 65 && a <= 90) a += 32;
    if (b >= 65 && b <= 90) b += 32;
    if (a !== b) return a - b;
  }
  return left.length - right.length;
}

export function equalFolded(left: string, right: string): boolean {
  return left === right || (left.length === right.length && compareFolded(left, right) === 0);
}

/** Bytes compared as they are; -1, 0 or 1. */
export function compareBytes(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
