import { formatSize } from '../../config/units.ts';
import type { Check, CheckFinding } from '../../model/check.ts';
import { checkEach, clockFindings, orWell, quotaFindings } from '../../model/checkFindings.ts';
import type { Clock } from '../../model/clock.ts';
import { CloudError } from '../../model/errors.ts';
import type { SiteId } from '../../model/ids.ts';
import type { CheckedOffer, CloudCheckRequest } from '../port.ts';
import { readQuota } from './account.ts';
import type { OpenStack } from './client/client.ts';
import type { Flavor } from './client/compute.ts';
import { asCloud } from './errors.ts';
import { gpusOf } from './flavors.ts';
import { bearsMark, stateOf } from './instances.ts';
import { isId, type Lookups, pickFlavor } from './lookups.ts';
import { ownerTag } from './mark.ts';
import type { OpenstackOffer } from './offer.ts';

export interface CheckParts {
  readonly open: () => Promise<OpenStack>;
  readonly lookups: Lookups;
  readonly site: SiteId;
  readonly clock: Clock;
}

/** Nova has no dry run of a create, so what it needs is looked at piece by piece. Some 10 calls, and one for each different image. */
export function openstackChecks(parts: CheckParts, request: CloudCheckRequest): readonly Check[] {
  const looks: readonly (readonly [Check['subject'], Look])[] = [
    ['login', logIn],
    ['clock', clockOf],
    ['rights', rights],
    ['quota', quota],
    ['flavors', flavors],
    ['images', images],
    ['networks', networks],
    ['zones', zones],
    ['keys', keys],
    ['storage', storage],
  ];
  return looks.map(([subject, look]) => ({
    subject,
    run: (signal) =>
      asCloud(
        { write: false },
        async () => await look({ ...parts, cloud: await parts.open() }, request, signal),
      ),
  }));
}

interface Place extends CheckParts {
  readonly cloud: OpenStack;
}

type Look = (
  place: Place,
  request: CloudCheckRequest,
  signal: AbortSignal,
) => Promise<readonly CheckFinding[]>;

const settingsOf = (offer: CheckedOffer) => offer.settings as OpenstackOffer;

const logIn: Look = async ({ cloud }, _request, signal) => {
  const { projectId, lifetimeMs } = await cloud.session.token(signal);
  const version = await cloud.compute.version(signal);
  const minutes = Math.round(lifetimeMs / 60_000);
  const message = `project ${projectId}, by a token for ${minutes} minutes; Nova speaks ${version}`;
  return [{ verdict: 'ok', message, figures: { tokenLifetimeMs: lifetimeMs } }];
};

const clockOf: Look = async ({ cloud, clock }) => {
  const heard = cloud.session.heard();
  const oursMs = heard === null ? 0 : clock.wallNow() - (clock.monotonicNow() - heard.atMs);
  const why = 'times in its records are not what they seem';
  return clockFindings(heard && { theirsMs: heard.theirsMs, oursMs }, { toleranceMs: null, why });
};

const rights: Look = async ({ cloud, site }, _request, signal) => {
  const { roles } = await cloud.session.token(signal);
  const living = await livingOf(cloud, site, signal);
  const listed: CheckFinding = {
    verdict: 'ok',
    message: `machines can be listed: ${living} of this site`,
    figures: { instances: living },
  };
  if (roles.length > 0 && roles.every((role) => role === 'reader')) {
    return [
      listed,
      { verdict: 'error', message: 'the user is a reader of the project, and makes no machines' },
    ];
  }
  const message = `whether they can be made Nova says of a create alone; roles: ${roles.join(', ') || 'none told'}`;
  return [listed, { verdict: 'unknown', message }];
};

async function livingOf(cloud: OpenStack, site: SiteId, signal: AbortSignal): Promise<number> {
  const rows = await cloud.compute.servers({ tags: [ownerTag(site)] }, signal);
  return rows.filter((row) => bearsMark(row, site) && stateOf(row) !== 'gone').length;
}

const quota: Look = async ({ cloud, site }, request, signal) =>
  quotaFindings(await readQuota(cloud, signal), await livingOf(cloud, site, signal), request);

/** A machine that has less than its ad promises never gets the jobs that it was booted for. */
const flavors: Look = async ({ cloud }, { offers }, signal) => {
  const all = await cloud.compute.flavors(signal);
  const found = await checkEach(
    offers,
    ({ resources, settings }) => {
      const { flavor, bootVolume } = settings as OpenstackOffer;
      return { resources, flavor, volumeMiB: bootVolume?.size ?? null };
    },
    async ({ resources, flavor: choice, volumeMiB }) => {
      const flavor = pickFlavor(all, choice);
      const lacks = lacksOf(flavor, resources, volumeMiB);
      if (lacks.length === 0) return null;
      return {
        verdict: 'error',
        message: `flavor ${flavor.name} has less than the offer says: ${lacks.join(', ')}`,
      };
    },
  );
  return orWell(found, `${all.length} flavors, those of all offers among them`);
};

function lacksOf(
  flavor: Flavor,
  wanted: CheckedOffer['resources'],
  volumeMiB: number | null,
): readonly string[] {
  const diskMiB = volumeMiB ?? (flavor.disk + flavor['OS-FLV-EXT-DATA:ephemeral']) * 1024;
  const isOpen = volumeMiB === null && flavor.disk === 0;
  return [
    flavor.vcpus < wanted.cpus ? `${flavor.vcpus} of ${wanted.cpus} CPUs` : [],
    flavor.ram < wanted.memoryMiB
      ? `${formatSize(flavor.ram)} of ${formatSize(wanted.memoryMiB)} memory`
      : [],
    !isOpen && diskMiB < wanted.diskMiB ? `${formatSize(diskMiB)} of ${formatSize(wanted.diskMiB)} disk` : [],
    gpusOf(flavor) < wanted.gpus ? `${gpusOf(flavor)} of ${wanted.gpus} GPUs` : [],
  ].flat();
}

const images: Look = async ({ cloud, lookups }, { offers }, signal) => {
  const all = await cloud.compute.flavors(signal);
  // Community images are in no list, and are asked for one by one.
  const listed = new Map((await cloud.image.images({}, signal)).map((image) => [image.id, image]));
  const found = await checkEach(
    offers,
    (offer) => {
      const { image, flavor, bootVolume } = settingsOf(offer);
      return { image, flavor, volumeMiB: bootVolume?.size ?? null };
    },
    async ({ image: choice, flavor: flavorChoice, volumeMiB }) => {
      const id = await asCloud({ write: false }, () => lookups.image(choice, signal));
      const image = listed.get(id) ?? (await asCloud({ write: false }, () => cloud.image.image(id, signal)));
      if (image === null) throw new CloudError('notFound', `there is no image ${id}`);
      const name = image.name ?? id;
      if (image.status !== 'active') return { verdict: 'error', message: `image ${name} is ${image.status}` };
      const flavor = flavorOrNull(all, flavorChoice);
      if (flavor === null) return null; // said of the flavors
      const diskGiB = volumeMiB === null ? flavor.disk : Math.ceil(volumeMiB / 1024);
      const small =
        image.min_ram > flavor.ram || (image.min_disk > diskGiB && (volumeMiB !== null || flavor.disk > 0));
      if (!small) return null;
      const message = `image ${name} wants ${image.min_ram} MiB of memory and ${image.min_disk} GiB of disk: too much for flavor ${flavor.name}`;
      return { verdict: 'error', message };
    },
  );
  return orWell(found, 'the images of all offers are there and active');
};

function flavorOrNull(all: readonly Flavor[], choice: OpenstackOffer['flavor']): Flavor | null {
  try {
    return pickFlavor(all, choice);
  } catch {
    return null;
  }
}

const networks: Look = async ({ cloud, lookups }, { offers }, signal) => {
  if ((await cloud.session.find('network', signal)) === null) {
    return [{ verdict: 'unknown', message: 'the catalog has no Neutron' }];
  }
  const all = await cloud.network.networks(null, signal);
  const groups = await cloud.network.securityGroups(signal);
  const own = all.filter((network) => !network['router:external']);
  const auto = offers.filter((offer) => settingsOf(offer).networks === 'auto').map(({ name }) => name);
  const findings: CheckFinding[] = [];
  if (auto.length > 0 && own.length !== 1) {
    const message =
      own.length === 0
        ? 'the offer names no network, and there is none'
        : `the offer names no network, and there are ${own.length}: Nova refuses to choose`;
    findings.push({ verdict: own.length === 0 ? 'warning' : 'error', message, offers: auto });
  }
  const named = (offer: CheckedOffer) => {
    const { networks: choice } = settingsOf(offer);
    return typeof choice === 'string' ? [] : choice;
  };
  for (const name of new Set(offers.flatMap(named))) {
    const naming = offers.filter((offer) => named(offer).includes(name));
    findings.push(
      ...(await checkEach(
        naming,
        () => name,
        async () => {
          const id = await asCloud({ write: false }, () => lookups.network(name, signal));
          const network = all.find((one) => one.id === id);
          if (network === undefined) throw new CloudError('notFound', `there is no network ${name}`);
          return null;
        },
      )),
    );
  }
  findings.push(
    ...(await checkEach(
      offers,
      (offer) => settingsOf(offer).floatingNetwork ?? null,
      async (name) => {
        const id = await asCloud({ write: false }, () => lookups.network(name, signal));
        const network = all.find((one) => one.id === id);
        if (network === undefined) throw new CloudError('notFound', `there is no network ${name}`);
        if (network['router:external']) return null;
        return { verdict: 'error', message: `network ${name} is not external: it has no floating addresses` };
      },
    )),
  );
  const wantedGroups = new Set(offers.flatMap((offer) => settingsOf(offer).securityGroups ?? []));
  for (const wanted of wantedGroups) {
    const fits = groups.filter(({ id, name }) => id === wanted || name === wanted);
    if (fits.length === 1) continue;
    const message =
      fits.length === 0
        ? `there is no security group ${wanted}`
        : `${fits.length} security groups are called ${wanted}: say the id`;
    const naming = offers.filter((offer) => settingsOf(offer).securityGroups?.includes(wanted));
    findings.push({ verdict: 'error', message, offers: naming.map(({ name }) => name) });
  }
  return orWell(findings, 'networks and security groups of all offers are there');
};

const zones: Look = async ({ cloud, lookups }, { offers }, signal) => {
  const all = await cloud.compute.zones(signal);
  const found = await checkEach(
    offers,
    // A host may be named behind the zone.
    (offer) => settingsOf(offer).zone?.split(':')[0] ?? null,
    async (zone) =>
      all.includes(zone)
        ? null
        : {
            verdict: 'error',
            message: `there is no zone ${zone}, or it is not available (${all.join(', ')} are)`,
          },
  );
  const groups = await checkEach(
    offers,
    (offer) => settingsOf(offer).serverGroup ?? null,
    async (name) => {
      const id = await asCloud({ write: false }, () => lookups.serverGroup(name, signal));
      const isThere =
        !isId(name) || (await cloud.compute.serverGroups(signal)).some((group) => group.id === id);
      return isThere ? null : { verdict: 'error', message: `there is no server group ${name}` };
    },
  );
  return orWell([...found, ...groups], `available: ${all.join(', ')}`);
};

const keys: Look = async ({ cloud }, { offers }, signal) =>
  checkEach(
    offers,
    (offer) => settingsOf(offer).keyName ?? null,
    async (name) =>
      (await cloud.compute.hasKeyPair(name, signal))
        ? null
        : { verdict: 'error', message: `the user has no key pair ${name}` },
  );

const storage: Look = async ({ cloud }, { offers }, signal) =>
  checkEach(
    offers,
    (offer) => (settingsOf(offer).bootVolume === undefined ? null : 'volume'),
    async () =>
      (await cloud.session.find('volume', signal)) === null
        ? { verdict: 'error', message: 'it boots from a volume, and this cloud has no block storage' }
        : null,
  );
