/**
 * Work that several may wait for at once, done once. It goes on for as long as one of them waits: who gives up leaves
 * the others alone, and with the last the work is given up too. What comes of it is kept by nobody here.
 */
export function joined<T>(start: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  interface Running {
    readonly result: Promise<T>;
    readonly stop: AbortController;
    waiting: number;
  }
  let running: Running | null = null;

  return async (signal) => {
    signal.throwIfAborted();
    if (running === null) {
      const stop = new AbortController();
      const begun: Running = { result: start(stop.signal), stop, waiting: 0 };
      const over = () => {
        if (running === begun) running = null;
      };
      begun.result.then(over, over);
      running = begun;
    }
    const mine = running;
    mine.waiting += 1;
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([mine.result, left.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
      mine.waiting -= 1;
      if (mine.waiting === 0 && signal.aborted) {
        mine.stop.abort(signal.reason);
        if (running === mine) running = null;
      }
    }
  };
}
