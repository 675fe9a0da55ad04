import { no, perhaps, translationBy, type Verdict } from '../verdicts.ts';
import { isNotFound, OpenStackFailure } from './client/failure.ts';

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

export const { cloudErrorOf, asCloud } = translationBy((thrown) => thrown instanceof OpenStackFailure, judge);

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
