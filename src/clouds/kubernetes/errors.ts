import { no, perhaps, translationBy, type Verdict } from '../verdicts.ts';
import { KubernetesFailure } from './client/failure.ts';

export const { cloudErrorOf, asCloud } = translationBy(
  (thrown) => thrown instanceof KubernetesFailure,
  judge,
);

function judge(failure: KubernetesFailure): Verdict {
  switch (failure.kind) {
    case 'givenUp':
      return perhaps('timeout');
    case 'connection':
      return perhaps('unavailable');
    case 'credentials':
      return no('auth');
    case 'settings':
      return no('invalid');
    case 'expired':
      return no('unavailable');
    case 'malformed':
      return byPage(failure.status);
    case 'answer':
      return byAnswer(failure);
  }
}

/** Somebody's page, or the plain text of the filters that stand before the API: of overload, and of requests that take too long. */
function byPage(status: number | null): Verdict {
  if (status === 401 || status === 403) return no('auth');
  if (status === 408 || status === 504) return perhaps('timeout');
  if (status === 429) return no('rateLimited');
  if (status === 413) return no('invalid');
  return perhaps('unavailable');
}

function byAnswer(failure: KubernetesFailure): Verdict {
  const has = (reason: string) => failure.causes.some((cause) => cause.reason === reason);
  switch (failure.status) {
    case 401:
      return no('auth');
    case 403:
      return has('NamespaceTerminating') ? no('unavailable') : forbidden(failure.detail);
    case 404:
      return missing(failure.subject);
    case 405:
    case 406:
    case 415:
      return no('unsupported');
    case 408:
      return perhaps('timeout');
    case 410:
      return no('unavailable');
    case 429:
      return has('DisruptionBudget') ? no('unavailable') : no('rateLimited');
    case 504:
      return has('ResourceVersionTooLarge') ? no('unavailable') : perhaps('timeout');
    default:
      return failure.status !== null && failure.status < 500 ? no('invalid') : perhaps('unavailable');
  }
}

/**
 * The server says 403 of what the identity has no right to, of what a quota leaves no room for, and of what any admission rule of
 * the site forbids (a LimitRange, pod security, priority classes, webhooks): its text alone tells them apart.
 */
function forbidden(detail: string): Verdict {
  if (/ is forbidden: User "/.test(detail)) return no('auth');
  if (/\bexceeded quota: /.test(detail)) return no('quota');
  // The quota, or the namespace's service account, is younger than what sees to it.
  if (/\bstatus unknown for quota: |error looking up service account /.test(detail)) return no('unavailable');
  return no('invalid');
}

/** Without a subject it is the path that the server does not know. */
function missing(subject: string | null): Verdict {
  if (subject === null) return no('unsupported');
  return subject === 'pods' ? no('notFound') : no('invalid');
}
