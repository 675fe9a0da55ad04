import { createHash } from 'node:crypto';
import { CloudError, type CloudErrorCode } from '../model/errors.ts';

/** A driver's call whose work is done by this host: what goes wrong is told as a CloudError. `write` as below. */
export async function guarded<T>(write: boolean, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (signal.aborted) throw new CloudError('timeout', 'given up before it began');
  try {
    return await work();
  } catch (error) {
    throw cloudErrorOf(error, signal, write);
  }
}

/** Tells a create call that is sent again from another with its name. */
export function digestOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** What the host said, in the core's words; a fault of ours as it is. `write`: something may have been done before it. */
function cloudErrorOf(thrown: unknown, signal: AbortSignal, write: boolean): unknown {
  if (thrown instanceof CloudError) return thrown;
  if (signal.aborted) return new CloudError('timeout', 'given up', { inDoubt: write, cause: thrown });
  if (!(thrown instanceof Error && 'syscall' in thrown)) return thrown;
  return new CloudError(codeOf(thrown), `this host: ${thrown.message}`, { inDoubt: write, cause: thrown });
}

function codeOf(thrown: Error): CloudErrorCode {
  switch ('code' in thrown ? thrown.code : null) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EAGAIN':
    case 'ENOMEM':
    case 'EMFILE':
    case 'ENFILE':
      return 'capacity';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'auth';
    default:
      return 'unavailable';
  }
}
