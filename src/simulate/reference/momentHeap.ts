/** Things that are due, the earliest first; equal moments in the order in which they were put in. */
export interface MomentHeap<T> {
  /** The earliest moment; Infinity when there is none. */
  readonly next: number;
  readonly size: number;
  push(moment: number, thing: T): void;
  /** The earliest thing. Throws when there is none. */
  pop(): T;
}

interface Entry<T> {
  readonly moment: number;
  readonly order: number;
  readonly thing: T;
}

export function createMomentHeap<T>(): MomentHeap<T> {
  const entries: Entry<T>[] = [];
  let pushed = 0;

  const isBefore = (a: Entry<T>, b: Entry<T>): boolean =>
    a.moment < b.moment || (a.moment === b.moment && a.order < b.order);

  function rise(entry: Entry<T>): void {
    let index = entries.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = entries[above];
      if (parent === undefined || isBefore(parent, entry)) break;
      entries[index] = parent;
      index = above;
    }
    entries[index] = entry;
  }

  function sink(entry: Entry<T>): void {
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      let child = entries[below];
      if (child === undefined) break;
      const right = entries[below + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        below += 1;
      }
      if (isBefore(entry, child)) break;
      entries[index] = child;
      index = below;
    }
    entries[index] = entry;
  }

  return {
    get next() {
      return entries[0]?.moment ?? Number.POSITIVE_INFINITY;
    },
    get size() {
      return entries.length;
    },
    push: (moment, thing) => rise({ moment, order: pushed++, thing }),
    pop: () => {
      const [first] = entries;
      const last = entries.pop();
      if (first === undefined || last === undefined) throw new RangeError('nothing is due');
      if (entries.length > 0) sink(last);
      return first.thing;
    },
  };
}
