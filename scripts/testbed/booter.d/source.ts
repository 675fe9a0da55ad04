/** Where the booter learns which machines ought to run: one implementation for each kind of cloud. */
export interface InstanceSource {
  /** Every instance that the cloud says is running, all pages, or it throws: an instance that is missing is ended. */
  running(signal: AbortSignal): Promise<readonly RunningInstance[]>;
  /** The instance's user data, decoded; null if it was launched without. */
  userData(id: string, signal: AbortSignal): Promise<string | null>;
}

export interface RunningInstance {
  /** The cloud's own id; also the machine's host name. */
  readonly id: string;
  /** What a lever's pattern may hit: id, image, type, zone and the values of all tags. */
  readonly labels: readonly string[];
}
