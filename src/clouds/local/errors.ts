import { CloudError, type CloudErrorCode } from '../../model/errors.ts';

/** What the host said, in the core's words; a fault of ours as it is. `write`: something may have been done before it. */
export function cloudErrorOf(thrown: unknown, signal: AbortSignal, write: boolean): unknown {
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
