import type { IncomingMessage } from 'node:http';
import type { AccessGrant } from '../model/access.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { AccessError } from './access.ts';
import type { Control, JobExplanation, StatusView, Trouble } from './control.ts';
import type { Admitted, Door } from './door.ts';
import { guardControl } from './guard.ts';
import { apiLimits } from './limits.ts';
import { createRateLimit } from './rateLimit.ts';

/**
 * A unix socket for everybody on the host. Node does not tell who is at its other end, so nobody is told apart: what is
 * answered there is what every user may know, and nothing can be changed.
 */
export function userDoor(control: Control, { clock, log }: { clock: Clock; log: Log }): Door {
  const nobody: AccessGrant = {
    name: 'users',
    role: 'read',
    pools: new Set(),
    wholeSite: true,
    leaseUsers: 'own',
    requestsPerSecond: apiLimits.users.perSecond,
  };
  const admitted: Admitted = {
    caller: { name: nobody.name, role: 'read', pools: [] },
    control: {
      ...guardControl(control, nobody, log),
      status: () => statusForUsers(control.status()),
      explainJob: async (id, signal) => {
        const found = await control.explainJob(id, signal);
        return found === null ? null : jobForUsers(found, control.status());
      },
    },
  };
  const asked = createRateLimit(clock);

  function admit(request: IncomingMessage): Admitted {
    const waitMs = asked.take('', apiLimits.users);
    if (waitMs > 0) throw new AccessError('tooManyRequests', 'too many requests of users', waitMs);
    if (request.method !== 'GET' || !pages.test(request.url ?? ''))
      throw new AccessError('forbidden', 'this socket answers status and explain job, and nothing else');
    return admitted;
  }

  return { tls: null, addressConnectionsMax: apiLimits.users.connectionsMax, isLocal: false, admit };
}

/** All that is answered: what is not here is not, whatever pages there will be. */
const pages = /^\/v1\/(?:status|explain\/job\/[^/?#]+)$/;

/** Messages of clouds and queues name hosts, files and accounts. */
function withoutMessage(trouble: Trouble | null): Trouble | null {
  return trouble === null ? null : { ...trouble, message: 'the site’s operators can see why' };
}

export function statusForUsers(view: StatusView): StatusView {
  return {
    ...view,
    queues: view.queues.map((queue) => ({ ...queue, trouble: withoutMessage(queue.trouble) })),
    clouds: view.clouds.map((cloud) => ({
      ...cloud,
      trouble: withoutMessage(cloud.trouble),
      setAside: [],
      quota: null,
    })),
    pools: view.pools.map((pool) => ({ ...pool, unmet: [] })),
    money: { spending: [], budgets: [], unpriced: 0, losses: [] },
    alarms: [],
    observe: null,
  };
}

/** Whose job it is, and what clouds have said, is left out; so is a verdict that tells what troubles its queue. */
export function jobForUsers(view: JobExplanation, status: StatusView): JobExplanation {
  const isTroubled = status.queues.some(({ name, trouble }) => name === view.queue && trouble !== null);
  return {
    ...view,
    owner: null,
    verdict:
      isTroubled && view.state === 'waiting'
        ? `It waits, and queue ${view.queue} cannot be read now.`
        : view.verdict,
    offers: view.offers.map((offer) => ({
      ...offer,
      setAside: offer.setAside === null ? null : { ...offer.setAside, why: 'it has failed lately' },
    })),
  };
}
