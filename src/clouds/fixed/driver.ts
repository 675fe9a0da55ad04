import { digestOf, guarded } from '../../host/guarded.ts';
import { runProgram } from '../../host/programs.ts';
import { takesConnections } from '../../host/reach.ts';
import type { Clock } from '../../model/clock.ts';
import type { CloudInstance } from '../../model/cloud.ts';
import { CloudError } from '../../model/errors.ts';
import { CloudId, IntentId, OfferName, PoolName, type SiteId } from '../../model/ids.ts';
import type { CloudCapabilities, CloudDriver, LaunchOrder } from '../port.ts';
import { fixedChecks } from './checks.ts';
import { type Claim, type Claims, openClaims } from './claims.ts';
import { hostsOf } from './hosts.ts';
import { powerOff, powerOn } from './power.ts';
import {
  type FixedHost,
  type FixedOffer,
  type FixedSettings,
  fixedOffer,
  fixedSettings,
} from './settings.ts';

const capabilities: CloudCapabilities = {
  replaySafe: true,
  mark: 'create',
  batchMax: 1,
  // A claim is there or is not: no view of it lags.
  listLagMs: 0,
  userDataBytesMax: 1024 ** 2,
  spot: false,
};

/** Looks at hosts at a time. */
const looksMax = 32;

/**
 * Machines that exist already: desktops, a rack. A launch takes a host that nobody uses and switches it on, a termination
 * switches it off and gives it back; where there is no switch the host is only taken and given back.
 * docs/clouds/fixed.md.
 */
export const fixedDriver = {
  name: 'fixed',
  configSchema: fixedSettings,
  offerSchema: fixedOffer,
  capabilities,

  create(settings: FixedSettings, { site, clock }) {
    const rack: Rack = { settings, site, clock, claims: openClaims(settings.folder), launches: new Map() };
    return {
      list: (signal) => guarded(false, signal, () => list(rack, signal)),
      launch: (order, signal) => guarded(true, signal, () => launch(rack, order, signal)),
      resolve: (intent, signal) =>
        guarded(false, signal, async () => (await list(rack, signal)).filter((one) => one.intent === intent)),
      terminate: (id, signal) => guarded(true, signal, () => terminate(rack, id, signal)),
      quota: (signal) =>
        guarded(false, signal, async () => {
          const taken = await rack.claims.takenHosts();
          const free = settings.hosts.filter(({ name }) => !taken.has(name)).length;
          return { instances: free, cpus: null, memoryMiB: null };
        }),
      catalog: async () => ({
        // What is in a host is not asked of it: the offers say.
        flavors: [],
        images: [],
        zones: [...new Set(settings.hosts.flatMap(({ kinds }) => kinds))].toSorted(),
      }),
      checks: (request) => fixedChecks(settings, request),
      close: async () => {},
    };
  },
} satisfies CloudDriver<FixedSettings>;

interface Rack {
  readonly settings: FixedSettings;
  readonly site: SiteId;
  readonly clock: Clock;
  readonly claims: Claims;
  /** The last create call for an intent that is under way. */
  readonly launches: Map<IntentId, Promise<unknown>>;
}

const idOf = ({ host, instance }: Claim): CloudId => CloudId(`${host}/${instance}`);

async function list(rack: Rack, signal: AbortSignal): Promise<CloudInstance[]> {
  const own = (await rack.claims.all()).filter(({ site }) => site === rack.site);
  const found: CloudInstance[] = [];
  for (let at = 0; at < own.length; at += looksMax) {
    const some = own.slice(at, at + looksMax);
    found.push(
      ...(await Promise.all(some.map(async (claim) => seen(claim, await isOn(rack, claim, signal))))),
    );
  }
  signal.throwIfAborted();
  return found;
}

function seen(claim: Claim, on: boolean): CloudInstance {
  const { intent, seat, pool, offer, address } = claim;
  return {
    cloudId: idOf(claim),
    intent: IntentId(intent),
    seat,
    pool: PoolName(pool),
    offer: OfferName(offer),
    state: on ? 'running' : 'pending',
    address,
    fault: null,
  };
}

/** Once seen on it is on until it is given back: a host that falls silent is for the probe to judge. */
async function isOn({ settings, claims, clock }: Rack, claim: Claim, signal: AbortSignal): Promise<boolean> {
  const { on, onDeadline } = settings;
  if (on === undefined || (await claims.wasOn(claim))) return true;
  const patience = new AbortController();
  const inTime = AbortSignal.any([signal, patience.signal]);
  const timer = clock.sleep(onDeadline, inTime).then(
    () => patience.abort(),
    () => {}, // it answered before
  );
  try {
    const answers =
      'tcp' in on
        ? await takesConnections(claim.address, on.tcp, inTime)
        : await says(on.command, claim, inTime);
    if (answers) await claims.noteOn(claim);
    return answers;
  } finally {
    patience.abort();
    await timer;
  }
}

async function says(
  argv: readonly string[],
  { host, address }: Claim,
  signal: AbortSignal,
): Promise<boolean> {
  const words = argv.map((word) => word.replaceAll('{{host}}', host).replaceAll('{{address}}', address));
  try {
    return (await runProgram(words, { stdoutBytesMax: 64 * 1024 }, signal)).exitCode === 0;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

/** Calls for one intent come after each other: each sees the hosts that those before it took. */
async function launch({ launches, ...rack }: Rack, order: LaunchOrder, signal: AbortSignal) {
  const { intent } = order;
  const before = launches.get(intent) ?? Promise.resolve();
  const work = before.then(() => takeHosts(rack, order, signal));
  const ended = work.catch(() => {});
  launches.set(intent, ended);
  try {
    return await work;
  } finally {
    if (launches.get(intent) === ended) launches.delete(intent);
  }
}

async function takeHosts(rack: Omit<Rack, 'launches'>, order: LaunchOrder, signal: AbortSignal) {
  const { settings, site, claims } = rack;
  const { intent, pool, offer: offerName, userData } = order;
  const offer = order.settings as FixedOffer;
  const wanted = hostsOf(settings, offer);
  const bytes = Buffer.byteLength(userData ?? '', 'utf8');
  if (bytes > capabilities.userDataBytesMax) {
    const most = `at most ${capabilities.userDataBytesMax} are possible`;
    throw new CloudError('invalid', `user data of ${bytes} bytes; ${most}`);
  }
  const digest = digestOf([pool, offerName, offer, userData]);
  const instances: CloudInstance[] = [];
  for (const [seat, instance] of order.instances.entries()) {
    signal.throwIfAborted();
    const before = (await claims.all()).find((claim) => claim.site === site && claim.instance === instance);
    if (before !== undefined && before.order !== digest)
      throw new CloudError('invalid', `${intent} has been asked for before, with other words`, {
        inDoubt: true,
      });
    const facts = { site, intent, instance, seat, pool, offer: offerName, order: digest };
    const claim = before ?? (await takeOne(claims, wanted, facts));
    if (claim === null) break;
    const host = settings.hosts.find(({ name }) => name === claim.host);
    try {
      if (host !== undefined) await powerOn(host, claim, { settings, userData, signal });
    } catch (error) {
      if (!signal.aborted && before === undefined) await claims.release(claim);
      throw error;
    }
    instances.push(seen(claim, false));
  }
  if (instances.length === 0)
    throw new CloudError('capacity', `all ${wanted.length} hosts of offer ${offerName} are in use`);
  return { instances };
}

async function takeOne(
  claims: Claims,
  hosts: readonly FixedHost[],
  facts: Omit<Claim, 'host' | 'address'>,
): Promise<Claim | null> {
  const taken = await claims.takenHosts();
  for (const { name, address = name } of hosts) {
    if (taken.has(name)) continue;
    const claim = { ...facts, host: name, address };
    if (await claims.take(claim)) return claim;
  }
  return null;
}

async function terminate(
  { settings, site, claims }: Rack,
  id: CloudId,
  signal: AbortSignal,
): Promise<'ending' | 'gone'> {
  const host = settings.hosts.find(({ name }) => id.startsWith(`${name}/`));
  // One that the config does not have any more is still given back.
  const all = host === undefined ? await claims.all() : [await claims.of(host.name)];
  const claim = all.find((one) => one?.site === site && idOf(one) === id) ?? null;
  if (claim === null) return 'gone';
  await powerOff(host, claim, signal);
  await claims.release(claim);
  return 'gone';
}
