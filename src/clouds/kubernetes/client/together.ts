/**
 * Work that several callers want at once and that is done once. It is given up when the last of them gives up; one who does so
 * earlier is alone in it. Nothing is kept: who comes when it is over begins it anew.
 */
export function together<T>(work: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let current: { readonly done: Promise<T>; readonly stop: AbortController; callers: number } | null = null;

  return async (signal) => {
    signal.throwIfAborted();
    if (current === null) {
      const stop = new AbortController();
      const begun = { done: work(stop.signal), stop, callers: 0 };
      const end = () => {
        if (current === begun) current = null;
      };
      begun.done.then(end, end);
      current = begun;
    }
    const mine = current;
    mine.callers += 1;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = () => {
      mine.callers -= 1;
      if (mine.callers === 0) {
        mine.stop.abort(signal.reason);
        if (current === mine) current = null;
      }
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([mine.done, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      if (!signal.aborted) mine.callers -= 1;
    }
  };
}
