/** Sets of small numbers as bits, 32 in a word. */
export type Bits = Uint32Array;

export function noBits(size: number): Bits {
  return new Uint32Array((size + 31) >>> 5);
}

export function allBits(size: number): Bits {
  const bits = noBits(size).fill(0xffffffff);
  const last = bits.length - 1;
  if (size % 32 !== 0) bits[last] = (1 << (size % 32)) - 1;
  return bits;
}

export function setBit(bits: Bits, index: number): void {
  bits[index >>> 5] = (bits[index >>> 5] ?? 0) | (1 << (index & 31));
}

export function clearBit(bits: Bits, index: number): void {
  bits[index >>> 5] = (bits[index >>> 5] ?? 0) & ~(1 << (index & 31));
}

export function hasBit(bits: Bits, index: number): boolean {
  return (((bits[index >>> 5] ?? 0) >>> (index & 31)) & 1) === 1;
}

/** Keeps in the first what is also in the second. */
export function intersect(bits: Bits, others: Bits): void {
  for (let word = 0; word < bits.length; word++) bits[word] = (bits[word] ?? 0) & (others[word] ?? 0);
}

export function unite(bits: Bits, others: Bits): void {
  for (let word = 0; word < bits.length; word++) bits[word] = (bits[word] ?? 0) | (others[word] ?? 0);
}

/** A new set of what is in either. */
export function united(bits: Bits, others: Bits): Bits {
  const both = bits.slice();
  unite(both, others);
  return both;
}

export function countBits(bits: Bits): number {
  let count = 0;
  for (let word of bits) {
    for (; word !== 0; word &= word - 1) count++;
  }
  return count;
}

export function isEmpty(bits: Bits): boolean {
  return bits.every((word) => word === 0);
}

/** Calls with each number of the set, ascending. */
export function forEachBit(bits: Bits, visit: (index: number) => void): void {
  for (let at = 0; at < bits.length; at++) {
    for (let word = bits[at] ?? 0; word !== 0; word &= word - 1) {
      visit((at << 5) + 31 - Math.clz32(word & -word));
    }
  }
}
