/** Something that does not mend itself, or has not for long: somebody should look. */
export interface AlarmView {
  /** What it is of: an alarm with the same key is the same one. */
  readonly key: string;
  /** One of planner/alarms.ts. */
  readonly kind: string;
  readonly why: string;
  readonly sinceMs: number;
}
