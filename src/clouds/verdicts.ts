import { CloudError, type CloudErrorCode } from '../model/errors.ts';

/** What a failure of a driver's own client is to the port. */
export interface Verdict {
  readonly code: CloudErrorCode;
  /** A change may have been carried out all the same. */
  readonly inDoubt: boolean;
}

export const no = (code: CloudErrorCode): Verdict => ({ code, inDoubt: false });
export const perhaps = (code: CloudErrorCode): Verdict => ({ code, inDoubt: true });

/** What a client throws. */
interface Failure extends Error {
  /** The request itself had been given to a connection: what failed before it leaves nothing unknown. */
  readonly sent: boolean;
  readonly retryAfterMs: number | null;
}

/** `write`: the call changes something, and a failure may leave its outcome unknown. */
interface CallKind {
  readonly write: boolean;
}

/** A driver's translation of whatever its client threw into the port's closed errors. */
export interface Translation {
  readonly cloudErrorOf: (thrown: unknown, kind: CallKind) => CloudError;
  /** Runs calls of which the last alone may change something, and throws what they throw as the port's error. */
  readonly asCloud: <T>(kind: CallKind, work: () => Promise<T>) => Promise<T>;
}

export function translationBy<Own extends Failure>(
  isOwn: (thrown: unknown) => thrown is Own,
  judge: (failure: Own) => Verdict,
): Translation {
  function cloudErrorOf(thrown: unknown, { write }: CallKind): CloudError {
    if (thrown instanceof CloudError) return thrown;
    if (!isOwn(thrown)) {
      const name = thrown instanceof Error ? thrown.name : 'unknown error';
      return new CloudError('unavailable', `the driver failed: ${name}`, { inDoubt: write, cause: thrown });
    }
    const { code, inDoubt } = judge(thrown);
    const wait = thrown.retryAfterMs === null ? {} : { retryAfterMs: thrown.retryAfterMs };
    return new CloudError(code, thrown.message, { ...wait, inDoubt: write && thrown.sent && inDoubt });
  }

  async function asCloud<T>(kind: CallKind, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw cloudErrorOf(thrown, kind);
    }
  }

  return { cloudErrorOf, asCloud };
}
