import type { OfferName } from './ids.ts';

/** What `check --live` looks at; words of its JSON. */
export const checkSubjects = [
  /** The programs or the service answer at all, and know who we are. */
  'login',
  /** The other side's clock against ours. */
  'clock',
  /** Whether we may do what the daemon will do. */
  'rights',
  'quota',
  'images',
  'flavors',
  'networks',
  'zones',
  'keys',
  'storage',
  'prices',
  /** How the other side is set up: what is not wrong by itself and makes machines or jobs fail. */
  'settings',
  /** Whether a new machine can join, and its credential lives long enough. */
  'joining',
  'jobs',
] as const;
export type CheckSubject = (typeof checkSubjects)[number];

/**
 * ok: it was looked at, and will do. warning: it works and may fail later, or serves less than it seems. error: launches,
 * polls or joins will fail until somebody acts. unknown: it cannot be found out (no right to ask, no such question).
 */
export const checkVerdicts = ['ok', 'warning', 'error', 'unknown'] as const;
export type CheckVerdict = (typeof checkVerdicts)[number];

export interface CheckFinding {
  readonly verdict: CheckVerdict;
  /** One sentence for people: what was found and, unless it is well, what to do. No secret and no line ends. */
  readonly message: string;
  /** Those that it is about; absent: all of the cloud. */
  readonly offers?: readonly OfferName[];
  /** What the message says in numbers, by names with their units: `skewMs`, `instancesLeft`. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** One thing to look at. */
export interface Check {
  readonly subject: CheckSubject;
  /**
   * Only reads, or has the other side judge a call without carrying it out; may be repeated. What is thrown becomes an
   * error of this check. The caller bounds its time, and runs checks one after another in the order in which they
   * were given; when a check of `login` has an error, or throws, of those behind it only `clock` is run: a clock that
   * is wrong is refused as a credential is.
   */
  run(signal: AbortSignal): Promise<readonly CheckFinding[]>;
}
