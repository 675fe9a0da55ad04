import type { CloudInstance } from '../model/cloud.ts';
import type { Worker } from '../model/demand.ts';
import type { EndReason } from '../model/instance.ts';
import type { PoolLimits } from '../model/offer.ts';
import type { FleetEntry } from './entry.ts';

/** What happens to an instance: see step.ts for what each means in each phase. */
export type InstanceEvent =
  | { readonly kind: 'accepted'; readonly found: CloudInstance }
  | { readonly kind: 'refused' }
  | { readonly kind: 'inDoubt' }
  /**
   * Looked for by its intent, in a look-up that began at `askedAtMs`, and not there: after a doubtful create although
   * the cloud's list has had its time, or after the lists had lost it.
   */
  | { readonly kind: 'absent'; readonly askedAtMs: number }
  /** A complete list, begun at `takenAtMs`, shows it. */
  | { readonly kind: 'listed'; readonly found: CloudInstance; readonly takenAtMs: number }
  /** A complete list, begun at `takenAtMs`, does not show it; `mass`: nor many others that it should. */
  | { readonly kind: 'unlisted'; readonly takenAtMs: number; readonly mass: boolean }
  /** The driver's own verdict on a termination. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'workerSeen'; readonly worker: Worker; readonly takenAtMs: number }
  /** A complete view, begun at `takenAtMs`, does not show its worker. */
  | { readonly kind: 'workerUnseen'; readonly takenAtMs: number }
  | { readonly kind: 'drain'; readonly reason: EndReason }
  | { readonly kind: 'undrain' }
  /** The queue has answered that the worker takes jobs again. */
  | { readonly kind: 'undrained' }
  /** Decided: its end is stored and carried out, whatever runs on it. */
  | { readonly kind: 'terminate'; readonly reason: EndReason }
  /** Time has passed. */
  | { readonly kind: 'tick' };

export type InstanceEventKind = InstanceEvent['kind'];

export interface StepContext {
  readonly nowMs: number;
  readonly limits: PoolLimits;
  /** Learned, never above the limits' caps. */
  readonly bootMs: number;
  readonly joinMs: number;
  /** How long the cloud's list may miss what the cloud has accepted. */
  readonly listLagMs: number;
}

export type EventOf<K extends InstanceEventKind> = Extract<InstanceEvent, { kind: K }>;

export type Rule<K extends InstanceEventKind> = (
  entry: FleetEntry,
  event: EventOf<K>,
  context: StepContext,
) => FleetEntry | null;
