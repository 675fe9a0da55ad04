import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism, machine as hostArch, totalmem } from 'node:os';
import { join } from 'node:path';
import { digestOf, guarded } from '../../host/guarded.ts';
import { killAll } from '../../host/processes.ts';
import type { Catalog } from '../../model/catalog.ts';
import type { Clock } from '../../model/clock.ts';
import { CloudError } from '../../model/errors.ts';
import { CloudId, type IntentId, type SiteId } from '../../model/ids.ts';
import type { CloudCapabilities, CloudDriver, LaunchAccepted, LaunchOrder } from '../port.ts';
import { endCgroup, makeCgroup } from './cgroup.ts';
import { localChecks } from './checks.ts';
import { fileNames, makeFolder } from './machine-folder.ts';
import { instanceOf, type LocalMachine, markOf, readMachine, readMachines, sweep } from './machines.ts';
import { type LocalOffer, type LocalSettings, localOffer, localSettings } from './settings.ts';
import { refuseMissing, startMachine } from './start.ts';

const capabilities: CloudCapabilities = {
  replaySafe: true,
  mark: 'create',
  batchMax: 50,
  // A start that was under way when its daemon ended has made its file by then.
  listLagMs: 2000,
  userDataBytesMax: 1024 ** 2,
  spot: false,
};

/** Beyond so many ids at a time the oldest is forgotten, and only begins its wait anew. */
const unknownIdsMax = 10_000;

/**
 * Machines that are process groups on this host, each in a folder of its own, started from the boot template or a
 * command. They live on when the daemon ends and are found again by their folders. Not a wall between users: a machine
 * runs as the daemon's own user. Linux only (it reads /proc). docs/clouds/local.md.
 */
export const localDriver = {
  name: 'local',
  configSchema: localSettings,
  offerSchema: localOffer,
  capabilities,

  create(settings: LocalSettings, { site, clock }) {
    const place = { settings, clock, site, folder: join(settings.folder, folderName(site)) };
    const unknownSince = new Map<CloudId, number>();
    return {
      list: (signal) => guarded(false, signal, () => list(place, signal)),
      launch: (order, signal) => guarded(true, signal, () => launch(place, order, signal)),
      resolve: (intent, signal) => guarded(false, signal, () => resolve(place, intent, signal)),
      terminate: (id, signal) => guarded(true, signal, () => terminate(place, unknownSince, id, signal)),
      // What the offers and the pools promise of this host is the site's to say.
      quota: async () => null,
      catalog: (signal) => guarded(false, signal, () => catalog(place)),
      checks: (request) => localChecks(settings, request),
      close: async () => {},
    };
  },
} satisfies CloudDriver<LocalSettings>;

/** This host as a whole; the disk is what is free where the folders are. */
async function catalog({ settings }: Place): Promise<Catalog> {
  await mkdir(settings.folder, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = await statfs(settings.folder);
  const resources = {
    cpus: availableParallelism(),
    memoryMiB: Math.floor(totalmem() / 1024 ** 2),
    diskMiB: Math.floor((bavail * bsize) / 1024 ** 2),
    gpus: 0,
  };
  return { flavors: [{ name: 'host', resources, arch: hostArch() }], images: [], zones: ['here'] };
}

interface Place {
  readonly settings: LocalSettings;
  readonly clock: Clock;
  readonly site: SiteId;
  readonly folder: string;
}

/** A folder's name holds no slash and is no step up. */
function folderName(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name))
    throw new CloudError('invalid', `${JSON.stringify(name)} cannot name a folder`);
  return name;
}

async function list(place: Place, signal: AbortSignal) {
  const machines = await readAll(place, signal);
  await sweep(machines, { keepMs: place.settings.keep, wallNowMs: place.clock.wallNow() });
  return machines.map(instanceOf);
}

async function resolve(place: Place, intent: IntentId, signal: AbortSignal) {
  const machines = await readAll(place, signal);
  return machines
    .filter(({ record }) => record.intent === intent)
    .toSorted((a, b) => a.record.seat - b.record.seat)
    .map(instanceOf);
}

async function readAll(place: Place, signal: AbortSignal): Promise<LocalMachine[]> {
  return await readMachines(place.folder, { wallNowMs: place.clock.wallNow(), signal });
}

/** One machine after the other; one that has been made already is left as it is. */
async function launch(place: Place, order: LaunchOrder, signal: AbortSignal): Promise<LaunchAccepted> {
  const offer = order.settings as LocalOffer;
  const { userData, intent, pool, offer: offerName } = order;
  if (userData !== null && Buffer.byteLength(userData) > capabilities.userDataBytesMax)
    throw new CloudError('invalid', `user data of more than ${capabilities.userDataBytesMax} bytes`);
  await refuseMissing(offer.command?.[0]);
  await mkdir(place.folder, { recursive: true, mode: 0o700 });
  const digest = digestOf([pool, offerName, offer, userData]);
  for (const [seat, id] of order.instances.entries()) {
    signal.throwIfAborted();
    const folder = join(place.folder, folderName(id));
    const record = { site: place.site, intent, seat, pool, offer: offerName, order: digest };
    await makeFolder(folder, record, userData);
    const { cgroup } = place.settings;
    await startMachine({
      folder,
      mark: markOf(place.site, id),
      offer,
      hasUserData: userData !== null,
      cgroup: cgroup === undefined ? null : await makeCgroup(cgroup, folder, offer),
    });
  }
  const instances = order.instances.map((id, seat) => ({
    cloudId: CloudId(id),
    intent,
    seat,
    pool,
    offer: offerName,
    state: 'pending' as const,
    address: join(place.folder, id),
    fault: null,
  }));
  return { instances };
}

/** The polite signal first, after the grace the one that cannot be refused; then the folder goes. */
async function terminate(
  place: Place,
  unknownSince: Map<CloudId, number>,
  id: CloudId,
  signal: AbortSignal,
): Promise<'ending' | 'gone'> {
  const wallNowMs = place.clock.wallNow();
  const folder = join(place.folder, folderName(id));
  const machine = await readMachine(folder, id, { wallNowMs, signal });
  if (machine === null) return await unknown(place, unknownSince, id, folder);
  const { cgroup, stopGrace } = place.settings;
  if (machine.state === 'gone' && machine.processes.length === 0) {
    if (cgroup !== undefined) await endCgroup(cgroup, folder, false);
    await rm(folder, { recursive: true, force: true });
    unknownSince.set(id, Number.NEGATIVE_INFINITY);
    return 'gone';
  }
  if (machine.endingSinceMs === null)
    await writeFile(join(folder, fileNames.ending), String(wallNowMs), { mode: 0o600 });
  const patient = machine.endingSinceMs === null || wallNowMs - machine.endingSinceMs < stopGrace;
  const force = !patient || stopGrace === 0;
  killAll(machine.processes, force ? 'SIGKILL' : 'SIGTERM');
  if (cgroup !== undefined && force) await endCgroup(cgroup, folder, true);
  return 'ending';
}

/** A folder that was never started is nobody's machine: it goes. An id without one may be on its way. */
async function unknown(
  { clock }: Place,
  unknownSince: Map<CloudId, number>,
  id: CloudId,
  folder: string,
): Promise<'ending' | 'gone'> {
  const now = clock.monotonicNow();
  const since = unknownSince.get(id);
  if (since === undefined) {
    unknownSince.set(id, now);
    if (unknownSince.size > unknownIdsMax) {
      const [oldest] = unknownSince.keys();
      if (oldest !== undefined) unknownSince.delete(oldest);
    }
    return 'ending';
  }
  if (now - since < capabilities.listLagMs) return 'ending';
  await rm(folder, { recursive: true, force: true });
  return 'gone';
}
