import type { Cloud, CloudDriver } from '../../../src/clouds/port.ts';
import type { Market } from '../../../src/model/billing.ts';
import type { Clock } from '../../../src/model/clock.ts';
import type { Log } from '../../../src/model/log.ts';

/** The three kinds of calls that every cloud has, whatever it names them. */
export type CallKind = 'create' | 'list' | 'end';

/** What a cloud under test can be made to do to the next call of a kind. */
export const faults = [
  'throttled', // refused as one call too many
  'trouble', // the service says that it is in trouble; the call is not carried out
  'cutBefore', // connection closed, nothing carried out
  'cutAfter', // carried out, connection closed before the answer
  'hang', // carried out, never answered
  'halfCut', // carried out, connection closed in the middle of the answer
  'halfWhole', // carried out, half the answer under the pretence of all
  'oversized', // carried out, the answer has 100 MB
  'foreign', // a success whose body is somebody else's page
  'empty', // a success without a body
  'echo', // a refusal whose message repeats the whole request, headers too
] as const;
export type Fault = (typeof faults)[number];

/** A machine by the cloud's own record, not seen through the driver. */
export interface TrueInstance {
  readonly cloudId: string;
  readonly site: string | null;
  readonly intent: string | null;
  readonly pool: string | null;
  readonly offer: string | null;
  readonly living: boolean;
  readonly userData: Buffer | null;
}

/**
 * A cloud that the cases may do with as they like. What it cannot do is declared as a gap of the cases that need it,
 * with the reason; a lever that is used nevertheless should throw.
 */
export interface CloudUnderTest {
  readonly driver: CloudDriver;
  connect(as: Connection): Cloud;
  /** The `boot:` block of an offer that works, as it stands in a config. */
  readonly boot: unknown;
  /** One that is well-formed and names an image that does not exist. */
  readonly bootUnknown: unknown;
  /** What an order may ask for that this cloud, or a part of it, does not have; absent: there is no such thing. */
  readonly lacking?: { readonly boot?: unknown; readonly market?: Market };
  /** Text that must never show: the credentials of all connections. */
  readonly secrets: readonly string[];
  /** The cloud's own record of every machine it shows, ours and others'. */
  truth(): Promise<readonly TrueInstance[]>;
  /** Puts running machines there, under the mark of a site, past the driver. */
  preload(site: string, count: number): Promise<void>;
  /** A machine that bears no mark. */
  stranger(): Promise<void>;
  /** From now on booting and ending take so long. */
  slow(times: { readonly bootMs: number; readonly stopMs: number }): Promise<void>;
  /** From now on a new machine is not in any view, and unknown by its id, for so long. */
  lag(ms: number): Promise<void>;
  /** Lets so much of the cloud's time pass. */
  elapse(ms: number): Promise<void>;
  /** Living machines that the cloud has room for from now on. */
  room(instances: number): Promise<void>;
  /** Machines of `boot` that the account may have from now on. */
  allowance(instances: number): Promise<void>;
  /** The next `times` calls of the kind go wrong. */
  fault(kind: CallKind, fault: Fault, times?: number): Promise<void>;
  /** Where what a log-in gives is good for a time only; absent where there are no log-ins. */
  readonly session?: {
    /** All that was given so far is refused from now on. */
    expire(): Promise<void>;
    logIns(): Promise<number>;
  };
  /** Calls of the kind that reached the cloud since it was started. */
  calls(kind: CallKind): Promise<number>;
  stop(): Promise<void>;
}

export interface Connection {
  readonly site: string;
  readonly clock: Clock;
  readonly log: Log;
  /** `wrong`: credentials that the cloud refuses. `nowhere`: an address that nobody listens at. */
  readonly to?: 'cloud' | 'wrong' | 'nowhere';
}
