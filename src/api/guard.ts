import { type AccessGrant, type AccessRole, accessRoles } from '../model/access.ts';
import { type InstanceId, type LeaseId, PoolName } from '../model/ids.ts';
import type { LeaseView } from '../model/lease.ts';
import type { Log } from '../model/log.ts';
import { AccessError } from './access.ts';
import { type Control, ControlError } from './control.ts';
import { downtimesWithin, jobWithin, planWithin, statusWithin } from './guardViews.ts';

/** Of its own instances one sees as many as can be asked for, whatever there are of others. */
const instancesMax = 10_000;

/**
 * The control as the holder of a token has it: what its role does not allow, or not in that pool, is AccessError `forbidden`, and views
 * hold what is of its pools. What an operator orders is logged with the token's name.
 */
export function guardControl(control: Control, token: AccessGrant, log: Log): Control {
  const { wholeSite, pools } = token;
  const isOurs = (pool: string) => wholeSite || pools.has(PoolName(pool));

  function need(role: AccessRole): void {
    if (accessRoles.indexOf(token.role) >= accessRoles.indexOf(role)) return;
    forbid(`token ${token.name} has the role ${token.role}, and this needs ${role}`);
  }

  function ordered<T>(order: object, answer: Promise<T>): Promise<T> {
    log.info({ token: token.name, ...order }, 'ordered over the network');
    return answer;
  }

  function needPool(pool: string): void {
    if (!isOurs(pool)) forbid(`token ${token.name} has no access to pool ${pool}`);
  }

  function needSite(what: string): void {
    if (!wholeSite) forbid(`${what} concerns more pools than token ${token.name} has access to`);
  }

  function needInstance(id: InstanceId): void {
    need('operate');
    const found = control.explainInstance(id);
    if (found !== null) needPool(found.instance.pool);
    else if (!wholeSite) throw new ControlError('unknownInstance', `no instance ${id}`);
  }

  const isOwn = ({ lease }: LeaseView) => lease.holder === token.name;

  /** How to get at the machine is its holder's to know. */
  function shown(view: LeaseView): LeaseView {
    needPool(view.lease.pool);
    return isOwn(view) || token.role === 'operate' ? view : { ...view, access: null };
  }

  function needLease(id: LeaseId): void {
    need('lease');
    const view = control.lease(id);
    needPool(view.lease.pool);
    if (!isOwn(view) && token.role !== 'operate')
      forbid(`lease ${id} is not of token ${token.name}, and others' leases need operate`);
  }

  return {
    status: () => (wholeSite ? control.status() : statusWithin(control.status(), isOurs)),
    plan: () => (wholeSite ? control.plan() : planWithin(control.plan(), control.status(), isOurs)),
    instances: (filter) => {
      if (filter.pool !== undefined) needPool(filter.pool);
      if (wholeSite || filter.pool !== undefined) return control.instances(filter);
      const list = control.instances({ ...filter, limit: instancesMax });
      const ours = list.instances.filter(({ pool }) => isOurs(pool));
      return { nowMs: list.nowMs, total: ours.length, instances: ours.slice(-filter.limit) };
    },
    journal: (query) => {
      if (query.pool !== undefined) needPool(query.pool);
      if (wholeSite || query.pool !== undefined) return control.journal(query);
      const entries = [...pools].flatMap((pool) => control.journal({ ...query, pool }));
      const way = query.oldestFirst === true ? -1 : 1;
      return entries.toSorted((a, b) => way * (b.number - a.number)).slice(0, query.limit);
    },
    metrics: async () => {
      needSite('what is measured');
      return control.metrics();
    },
    health: () => control.health(),
    readiness: () => control.readiness(),
    onJournal: (listener) => control.onJournal(listener),
    explainJob: async (id, signal) => {
      const found = await control.explainJob(id, signal);
      if (wholeSite || found === null) return found;
      return jobWithin(found, isOurs) ?? forbid(`job ${id} is of no pool of token ${token.name}`);
    },
    explainInstance: (id) => {
      const found = control.explainInstance(id);
      if (found !== null) needPool(found.instance.pool);
      return found;
    },
    accounting: (query) => control.accounting(wholeSite ? query : { ...query, pools }),
    reportUsage: async () => forbid('folders of the daemon are written for who is on its host'),
    launch: async (order) => {
      need('operate');
      needPool(order.pool);
      return ordered({ launch: order.count, pool: order.pool }, control.launch(order));
    },
    drain: async (id) => {
      needInstance(id);
      return ordered({ drain: id }, control.drain(id));
    },
    undrain: async (id) => {
      needInstance(id);
      return ordered({ undrain: id }, control.undrain(id));
    },
    terminate: async (id, options) => {
      needInstance(id);
      return ordered({ terminate: id, ...options }, control.terminate(id, options));
    },
    adjustPool: async (order) => {
      need('operate');
      needPool(order.pool);
      return ordered(order, control.adjustPool(order));
    },
    downtimes: () => (wholeSite ? control.downtimes() : downtimesWithin(control.downtimes(), isOurs)),
    addDowntime: async (request) => {
      need('operate');
      if (request.scope.kind === 'pool') needPool(request.scope.pool);
      else needSite('such a downtime');
      return ordered({ downtime: request.scope }, control.addDowntime(request));
    },
    reload: async () => {
      need('operate');
      needSite('a reload');
      return ordered({ reload: true }, control.reload());
    },
    configuration: () => {
      need('operate');
      needSite('the configuration');
      return control.configuration();
    },
    endDowntime: async (id) => {
      need('operate');
      const pool = control.downtimes().downtimes.find((one) => one.id === id)?.pool ?? null;
      if (pool === null) needSite(`downtime ${id}`);
      else needPool(pool);
      return ordered({ endDowntime: id }, control.endDowntime(id));
    },
    askLease: (request) => {
      need('lease');
      needPool(request.pool);
      const { name, leaseUsers } = token;
      if (leaseUsers === 'own' && request.priority > 0)
        forbid(`token ${name} asks for itself alone: a priority above 0 is not its to give`);
      const user = leaseUsers === 'own' ? name : request.user;
      return shown(control.askLease({ ...request, user, holder: name }));
    },
    lease: (id) => shown(control.lease(id)),
    leases: () =>
      control
        .leases()
        .filter(({ lease }) => isOurs(lease.pool))
        .map(shown),
    leaseAfter: async (id, from, signal) => {
      needPool(control.lease(id).lease.pool);
      return shown(await control.leaseAfter(id, from, signal));
    },
    renewLease: (id) => {
      needLease(id);
      return shown(control.renewLease(id));
    },
    returnLease: (id) => {
      needLease(id);
      return shown(control.returnLease(id));
    },
  };
}

function forbid(why: string): never {
  throw new AccessError('forbidden', why);
}
