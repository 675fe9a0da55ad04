import { CloudError, type CloudErrorCode } from '../../model/errors.ts';
import { isNotFound, OpenStackFailure } from './client/failure.ts';

interface Verdict {
  readonly code: CloudErrorCode;
  readonly inDoubt: boolean;
}

const no = (code: CloudErrorCode): Verdict => ({ code, inDoubt: false });
const perhaps = (code: CloudErrorCode): Verdict => ({ code, inDoubt: true });

/** Neutron's own words, which say more than the status. */
const neutronTypes: Readonly<Record<string, Verdict>> = {
  OverQuota: no('quota'),
  IpAddressGenerationFailure: no('capacity'),
  ExternalIpAddressExhausted: no('capacity'),
  NoMoreFixedIps: no('capacity'),
};

/** Nova refuses with 403 what exceeds a quota, its own or Neutron's, and what its policy forbids. */
export const quotaText =
  /^Quota exceeded\b|\bis over the limit\b|^Maximum number of\b|\bquota\b.*\bexceeded\b/i;

/**
 * Whatever the client threw, as the port's closed error. `write`: the call changes something, and a failure may leave its
 * outcome unknown; what failed before it (a log-in, a look-up) leaves none.
 */
export function cloudErrorOf(thrown: unknown, { write }: { readonly write: boolean }): CloudError {
  if (thrown instanceof CloudError) return thrown;
  if (!(thrown instanceof OpenStackFailure)) {
    const name = thrown instanceof Error ? thrown.name : 'unknown error';
    return new CloudError('unavailable', `the driver failed: ${name}`, { inDoubt: write, cause: thrown });
  }
  const verdict = judge(thrown);
  const wait = thrown.retryAfterMs === null ? {} : { retryAfterMs: thrown.retryAfterMs };
  const inDoubt = write && thrown.sent && verdict.inDoubt;
  return new CloudError(verdict.code, thrown.message, { ...wait, inDoubt });
}

function judge(failure: OpenStackFailure): Verdict {
  switch (failure.kind) {
    case 'givenUp':
      return perhaps('timeout');
    case 'connection':
      return perhaps('unavailable');
    case 'refused':
      return no('auth');
    case 'settings':
      return failure.call.startsWith('find') || failure.call === 'ask for versions'
        ? no('unsupported')
        : no('invalid');
    case 'malformed':
      return byPage(failure.status);
    case 'answer':
      return byAnswer(failure);
  }
}

/** Somebody's page, not the service's word. */
function byPage(status: number | null): Verdict {
  if (status === 401 || status === 403) return no('auth');
  if (status === 429) return no('rateLimited');
  if (status === 413) return no('invalid');
  return perhaps('unavailable');
}

function byAnswer(failure: OpenStackFailure): Verdict {
  const { status, type, detail, retryAfterMs } = failure;
  const known = type !== null && Object.hasOwn(neutronTypes, type) ? neutronTypes[type] : undefined;
  if (known !== undefined) return known;
  switch (status) {
    case 400:
    case 409:
      return no('invalid');
    case 401:
      return no('auth');
    case 403:
      return quotaText.test(detail) ? no('quota') : no('auth');
    case 404:
      return no(isNotFound(failure) ? 'notFound' : 'unavailable');
    case 406:
    case 405:
      return no('unsupported');
    case 408:
      return perhaps('timeout');
    case 413:
      return retryAfterMs === null ? no('invalid') : no('rateLimited');
    case 429:
      return no('rateLimited');
    case 504:
      return perhaps('timeout');
    default:
      return status !== null && status >= 400 && status < 500 ? no('invalid') : perhaps('unavailable');
  }
}
