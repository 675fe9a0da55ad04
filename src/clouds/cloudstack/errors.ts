import { no, perhaps, translationBy, type Verdict } from '../verdicts.ts';
import { CallFailure } from './client/failure.ts';
import type { StartFault } from './instances.ts';

export const { cloudErrorOf, asCloud } = translationBy((thrown) => thrown instanceof CallFailure, judge);

/** CloudStack's own codes, which are HTTP statuses, too. */
const verdicts: Readonly<Record<number, Verdict>> = {
  401: no('auth'), // bad key, signature or clock, locked account; also a command that the role has no right to
  405: no('unsupported'),
  411: no('auth'), // wants a second factor
  429: no('rateLimited'),
  430: no('invalid'),
  431: no('invalid'),
  432: no('unsupported'),
  530: perhaps('unavailable'), // internal
  531: no('auth'), // permission
  532: no('quota'),
  533: no('capacity'),
  534: perhaps('unavailable'), // a host, a pool or a zone is
  535: no('quota'),
  536: no('invalid'), // in use
  537: no('invalid'),
};

/** The API has one code for all that is wrong with a parameter; that it names nothing is in the text alone. */
const namesNothing =
  /entity does not exist|unable to find|does(?: not|n't) exist|invalid (?:template|zone)id/i;

/** A host name is taken: by an earlier call with the same intent, as no other machine has such a name. */
const nameTaken = /already exists in the network domain|already exists a VM by/i;

/** What the job that starts a machine came to. */
export function startFaultOf(failure: CallFailure): StartFault {
  const { code } = judge(failure);
  return { message: failure.message, code: code === 'capacity' || code === 'quota' ? code : null };
}

/** The server does not know what the call names. */
export function isUnknown(thrown: unknown): boolean {
  return thrown instanceof CallFailure && judge(thrown).code === 'notFound';
}

function judge({ facts, message }: CallFailure): Verdict {
  switch (facts.kind) {
    case 'givenUp':
      return perhaps('timeout');
    case 'connection':
      return perhaps('unavailable');
    case 'malformed':
      return byStatus(facts.httpStatus);
    case 'refused': {
      const code = facts.errorCode ?? facts.httpStatus ?? 0;
      if (code === 431 && namesNothing.test(message)) return no('notFound');
      if (code === 431 && nameTaken.test(message)) return perhaps('invalid');
      return verdicts[code] ?? byStatus(code);
    }
  }
}

/** An answer that is not CloudStack's: of a gateway before it, by its status. */
function byStatus(status: number | null): Verdict {
  if (status === null || status < 300) return perhaps('unavailable');
  if (status === 401 || status === 403) return no('auth');
  // Somebody's page, not CloudStack's word that what was named does not exist.
  if (status === 404) return no('unavailable');
  if (status === 408 || status === 504) return perhaps('timeout');
  if (status === 429) return no('rateLimited');
  return status < 500 ? no('invalid') : perhaps('unavailable');
}
