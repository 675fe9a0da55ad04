import type { Tools } from './tools.ts';

/**
 * A startd's first update after the restart is lost, since it is sent in a session that the new collector does not
 * know: at an interval of 20 s machines were back after 23 to 32 s.
 */
const updatesNeeded = 2;

/**
 * Whether the collector has been up for long enough to know every machine. After a restart it knows none, and each
 * comes back with one of its next updates: what it does not show until then is not gone.
 *
 * The collector itself compares its start with its clock, so that clocks which differ do no harm. Where it publishes
 * no statistics it never says so; having been watched for so long, with every query answered, is as good.
 */
export class CollectorWatch {
  private readonly neededMs: number;
  private unsettledSinceMs: number | null = null;

  constructor(updateIntervalMs: number) {
    this.neededMs = updatesNeeded * updateIntervalMs;
  }

  /** `nowMs` is monotonic. */
  async isComplete(tools: Tools, nowMs: number, signal: AbortSignal): Promise<boolean> {
    const seconds = Math.ceil(this.neededMs / 1000);
    const constraint = `time() - (StatsLastUpdateTime - StatsLifetime) >= ${seconds}`;
    const args = ['-collector', '-constraint', constraint, '-af', 'Name'];
    if ((await tools.text('condor_status', args, signal)).trim() !== '') {
      this.unsettledSinceMs = null;
      return true;
    }
    this.unsettledSinceMs ??= nowMs;
    return nowMs - this.unsettledSinceMs >= this.neededMs;
  }

  /** A query has failed: the collector may be a new one. */
  lost(): void {
    this.unsettledSinceMs = null;
  }
}
