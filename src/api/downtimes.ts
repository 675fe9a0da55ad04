import type { DowntimeScope, DowntimeStage } from '../model/downtime.ts';

/** A declared window in which nothing new is launched and ahead of which machines are drained. */
export interface DowntimeView {
  readonly id: string;
  /** One of them, or neither: then it is of the whole site. */
  readonly cloud: string | null;
  readonly pool: string | null;
  readonly reason: string;
  readonly force: boolean;
  /** It stands in the config: it is ended there. */
  readonly configured: boolean;
  readonly stage: DowntimeStage;
  /** Daemon time, as is `nowMs` beside it; and epoch ms by the host's wall clock, as it was declared. */
  readonly fromAtMs: number;
  readonly toAtMs: number;
  readonly fromWallMs: number;
  readonly toWallMs: number;
  /** When the first of its machines begins to drain, by what is known now. */
  readonly drainsAtMs: number;
  /** Machines that it concerns and that are not gone; and those of them with a job. */
  readonly machines: number;
  readonly busy: number;
}

export interface DowntimeList {
  readonly nowMs: number;
  readonly downtimes: readonly DowntimeView[];
}

export interface DowntimeRequest {
  readonly scope: DowntimeScope;
  /** Epoch ms. Null: now. */
  readonly fromWallMs: number | null;
  readonly toWallMs: number;
  readonly reason: string;
  readonly force: boolean;
  readonly drainAheadMs: number | null;
}

export interface DowntimeReceipt {
  readonly nowMs: number;
  readonly downtime: DowntimeView;
  /** One sentence: what follows. */
  readonly next: string;
}
