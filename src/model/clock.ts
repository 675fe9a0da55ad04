/**
 * Time, handed in. The two real clocks are in daemon/clock.ts; a simulation brings its own.
 *
 * The core knows one time, *daemon time*: milliseconds that began as an epoch at the site's first start and since
 * then only grow, by monotonic steps while the daemon runs. A wall clock that steps never moves it, so a duration
 * between two daemon times is true and a deadline never comes early. See daemon/timeline.ts.
 */
export interface Clock {
  /** Epoch ms by the host's wall clock: for records that people read, never for durations. */
  wallNow(): number;
  /** Milliseconds from an arbitrary start; never steps, stands still while the host is suspended. */
  monotonicNow(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Uniform in [0, 1). From a seed in simulation and tests. */
export interface Random {
  next(): number;
}
