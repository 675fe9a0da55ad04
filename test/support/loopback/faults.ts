/**
 * What can go wrong with one call. `before`: the call is not carried out; `after`: it is, and its answer is spoiled.
 */
export type Fault =
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly code: string;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The connection is closed without an answer. */
  | { readonly kind: 'cut'; readonly when: 'before' | 'after' }
  /** The connection stays open and nothing comes. */
  | { readonly kind: 'hang'; readonly when: 'before' | 'after' }
  /** Headers and half a body, then nothing: the connection is closed (`cut`), stays open (`hang`), or HTTP says that this was all (`whole`). */
  | { readonly kind: 'half'; readonly after: 'cut' | 'hang' | 'whole' }
  /** So many bytes of blanks inside the answer. */
  | { readonly kind: 'oversized'; readonly bytes: number }
  /** A refusal whose message is the request itself, headers and body. */
  | { readonly kind: 'echo'; readonly status: number; readonly code: string }
  /** Another answer in place of the right one. */
  | {
      readonly kind: 'body';
      readonly when: 'before' | 'after';
      readonly status: number;
      readonly body: string;
    };

/** What goes wrong with any server, whatever it speaks. */
export const transportFaults = {
  cutBefore: { kind: 'cut', when: 'before' },
  cutAfter: { kind: 'cut', when: 'after' },
  hang: { kind: 'hang', when: 'after' },
  halfCut: { kind: 'half', after: 'cut' },
  halfWhole: { kind: 'half', after: 'whole' },
  oversized: { kind: 'oversized', bytes: 100e6 },
  foreign: {
    kind: 'body',
    when: 'after',
    status: 200,
    body: '<html><body>Welcome to the hotel</body></html>',
  },
  empty: { kind: 'body', when: 'after', status: 200, body: '' },
} as const satisfies Readonly<Record<string, Fault>>;

/** Faults that wait for calls, by action; `*` for any. Each is used up by the number of calls it was set for. */
export interface Faults {
  set(action: string, fault: Fault, times?: number): void;
  clear(): void;
  next(action: string): Fault | undefined;
}

export function makeFaults(): Faults {
  let waiting: { readonly action: string; readonly fault: Fault; left: number }[] = [];
  return {
    set(action, fault, times = 1) {
      waiting.push({ action, fault, left: times });
    },
    clear() {
      waiting = [];
    },
    next(action) {
      const found = waiting.find((one) => one.left > 0 && (one.action === action || one.action === '*'));
      if (found !== undefined) found.left -= 1;
      return found?.fault;
    },
  };
}
