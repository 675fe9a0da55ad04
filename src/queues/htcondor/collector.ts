import type { Tools } from './tools.ts';

/** What a collector takes until its own ad says how long it has been up. */
const slackMs = 30_000;

/**
 * Whether the collector has been up for long enough to know every machine. After a restart it knows none, and each
 * comes back with its next update: what it does not show until then is not gone.
 *
 * The collector itself compares its start with its clock, so that clocks which differ do no harm. Where it publishes
 * no statistics it never says so; having been watched for a whole interval, with every query answered, is as good.
 */
export class CollectorWatch {
  private readonly intervalMs: number;
  private unsettledSinceMs: number | null = null;

  constructor(updateIntervalMs: number) {
    this.intervalMs = updateIntervalMs + slackMs;
  }

  /** `nowMs` is monotonic. */
  async isComplete(tools: Tools, nowMs: number, signal: AbortSignal): Promise<boolean> {
    const seconds = Math.ceil(this.intervalMs / 1000);
    const constraint = `time() - (StatsLastUpdateTime - StatsLifetime) >= ${seconds}`;
    const args = ['-collector', '-constraint', constraint, '-af', 'Name'];
    if ((await tools.text('condor_status', args, signal)).trim() !== '') {
      this.unsettledSinceMs = null;
      return true;
    }
    this.unsettledSinceMs ??= nowMs;
    return nowMs - this.unsettledSinceMs >= this.intervalMs;
  }

  /** A query has failed: the collector may be a new one. */
  lost(): void {
    this.unsettledSinceMs = null;
  }
}
