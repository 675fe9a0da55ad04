import type { CoreState, TickInput, TickResult } from './tick.ts';

/** A tick that is stored and whose effects are begun. */
export interface Ticked {
  readonly before: CoreState;
  readonly input: TickInput;
  readonly result: TickResult;
  /** How long it held up the loop. */
  readonly tookMs: number;
}

/** Tells of each tick. A listener is called within the tick: it takes little time, throws nothing and asks for no tick. */
export interface TickBell {
  tell(ticked: Ticked): void;
  /** Returns the undo. */
  listen(listener: (ticked: Ticked) => void): () => void;
}

export function createTickBell(): TickBell {
  const listeners = new Set<(ticked: Ticked) => void>();
  return {
    tell: (ticked) => {
      for (const listener of listeners) listener(ticked);
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
