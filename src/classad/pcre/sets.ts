import type { ByteSet } from './node.ts';

export function emptySet(): ByteSet {
  return new Uint8Array(256);
}

export function setOf(test: (byte: number) => boolean): ByteSet {
  const set = emptySet();
  for (let byte = 0; byte < 256; byte++) if (test(byte)) set[byte] = 1;
  return set;
}

export function complementOf(set: ByteSet): ByteSet {
  return setOf((byte) => set[byte] === 0);
}

export function addAll(set: ByteSet, other: ByteSet): void {
  for (let byte = 0; byte < 256; byte++) if (other[byte] === 1) set[byte] = 1;
}

const isUpper = (byte: number) => byte >= 65 && byte <= 90;
const isLower = (byte: number) => byte >= 97 && byte <= 122;
const isDigit = (byte: number) => byte >= 48 && byte <= 57;
const isAlpha = (byte: number) => isUpper(byte) || isLower(byte);
const isSpace = (byte: number) => byte === 32 || (byte >= 9 && byte <= 13);

/** Both cases of the ASCII letters in the set. */
export function foldCase(set: ByteSet): ByteSet {
  return setOf(
    (byte) =>
      set[byte] === 1 || (isUpper(byte) && set[byte + 32] === 1) || (isLower(byte) && set[byte - 32] === 1),
  );
}

export const wordSet = setOf((byte) => isAlpha(byte) || isDigit(byte) || byte === 95);
export const digitSet = setOf(isDigit);
export const spaceSet = setOf(isSpace);
export const newlineSet = setOf((byte) => byte === 10);
export const anySet = setOf(() => true);

const horizontal = setOf((byte) => byte === 9 || byte === 32 || byte === 0xa0);
const vertical = setOf((byte) => (byte >= 10 && byte <= 13) || byte === 0x85);

/** Escapes that stand for a set of bytes. */
export const escapeSets: ReadonlyMap<string, ByteSet> = new Map([
  ['d', digitSet],
  ['D', complementOf(digitSet)],
  ['w', wordSet],
  ['W', complementOf(wordSet)],
  ['s', spaceSet],
  ['S', complementOf(spaceSet)],
  ['h', horizontal],
  ['H', complementOf(horizontal)],
  ['v', vertical],
  ['V', complementOf(vertical)],
  ['N', complementOf(newlineSet)],
]);

const isPrint = (byte: number) => byte >= 32 && byte < 127;
const isGraph = (byte: number) => byte > 32 && byte < 127;

/** `[:name:]` */
export const posixSets: ReadonlyMap<string, ByteSet> = new Map([
  ['alpha', setOf(isAlpha)],
  ['lower', setOf(isLower)],
  ['upper', setOf(isUpper)],
  ['alnum', setOf((byte) => isAlpha(byte) || isDigit(byte))],
  ['ascii', setOf((byte) => byte < 128)],
  ['blank', setOf((byte) => byte === 32 || byte === 9)],
  ['cntrl', setOf((byte) => byte < 32 || byte === 127)],
  ['digit', digitSet],
  ['graph', setOf(isGraph)],
  ['print', setOf(isPrint)],
  ['punct', setOf((byte) => isGraph(byte) && !isAlpha(byte) && !isDigit(byte))],
  ['space', spaceSet],
  ['word', wordSet],
  ['xdigit', setOf((byte) => isDigit(byte) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102))],
]);
