import {
  type _InstanceType,
  DescribeImagesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
} from '@aws-sdk/client-ec2';
import { z } from 'zod';
import { formatSize } from '../../config/units.ts';
import type { Check, CheckFinding } from '../../model/check.ts';
import { checkEach, clockFindings, type Heard, orWell } from '../../model/checkFindings.ts';
import type { Clock } from '../../model/clock.ts';
import { CloudError } from '../../model/errors.ts';
import type { CheckedOffer, CloudCheckRequest } from '../port.ts';
import { archOf, zones as zonesOf } from './catalog.ts';
import type { Exchange } from './exchange.ts';
import type { DiskMemory } from './image.ts';
import { leakFindings } from './leaks.ts';
import { type Lister, listInstances } from './list.ts';
import { offerPrices } from './prices.ts';
import { rightsFindings } from './rights.ts';
import { type Ec2Offer, poolsOf } from './settings.ts';
import type { SpotNotices } from './spot.ts';

/** EC2 refuses a signature whose time is further away from its own. */
const toleranceMs = 5 * 60_000;

/** EC2 takes so many types in one call. */
const typesMax = 100;

export interface CheckParts {
  readonly exchange: Exchange;
  readonly disks: DiskMemory;
  readonly lister: Lister;
  readonly notices: SpotNotices;
  readonly dates: ServerClock;
  readonly clock: Clock;
}

/** What the answers tell of the other side's clock, beside this host's at the same time. */
export interface ServerClock {
  /** The `Date` header of an answer. */
  readonly heard: (date: string) => void;
  readonly last: () => Heard | null;
}

const httpDate = z.coerce.date();

export function serverClock(clock: Pick<Clock, 'wallNow'>): ServerClock {
  let last: Heard | null = null;
  return {
    heard(date) {
      const told = httpDate.safeParse(date);
      if (told.success) last = { theirsMs: told.data.getTime(), oursMs: clock.wallNow() };
    },
    last: () => last,
  };
}

type Look = (
  parts: CheckParts,
  request: CloudCheckRequest,
  signal: AbortSignal,
) => Promise<readonly CheckFinding[]>;

/** Reads, and calls that EC2 judges without carrying them out. */
export function ec2Checks(parts: CheckParts, request: CloudCheckRequest): readonly Check[] {
  const looks: readonly (readonly [Check['subject'], Look])[] = [
    ['login', logIn],
    ['clock', clockOf],
    ['rights', rights],
    ['zones', zones],
    ['flavors', flavors],
    ['images', images],
    ['networks', networks],
    ['keys', keys],
    ['storage', storage],
    ['prices', prices],
  ];
  return looks.map(([subject, look]) => ({ subject, run: (signal) => look(parts, request, signal) }));
}

const settingsOf = (offer: CheckedOffer) => offer.settings as Ec2Offer;
const poolsIn = (offer: CheckedOffer) => poolsOf(settingsOf(offer));

const logIn: Look = async (parts, _request, signal) => {
  const names = await zonesOf(parts.exchange, signal);
  return [{ verdict: 'ok', message: `EC2 answers; zones: ${names.join(', ')}` }];
};

const clockOf: Look = async ({ dates }) =>
  clockFindings(dates.last(), { toleranceMs, why: 'requests are signed by it, and EC2 will refuse them' });

const rights: Look = async ({ exchange, disks, lister, notices }, { offers }, signal) => {
  const instances = await listInstances(lister, notices, signal);
  const living = instances.find(({ state }) => state === 'running' || state === 'pending');
  const listed: CheckFinding = {
    verdict: 'ok',
    message: `machines can be listed: ${instances.length} of this site`,
    figures: { instances: instances.length },
  };
  const request = { site: lister.site, offers, living: living?.cloudId ?? null };
  return [listed, ...(await rightsFindings(exchange, disks, request, signal))];
};

const zones: Look = async (parts, { offers }, signal) => {
  const known = await zonesOf(parts.exchange, signal);
  const found = await checkEach(
    offers,
    (offer) => [...new Set(poolsIn(offer).flatMap(({ zone }) => zone ?? []))],
    async (wanted) => {
      const missing = wanted.filter((zone) => !known.includes(zone));
      return missing.length === 0
        ? null
        : {
            verdict: 'error',
            message: `there is no zone ${missing.join(', ')}; there are ${known.join(', ')}`,
          };
    },
  );
  return orWell(found, `${known.length} zones, those of all offers among them`);
};

/** A machine that has less than its ad promises never gets the jobs that it was booted for. */
const flavors: Look = async (parts, { offers }, signal) => {
  const types = [...new Set(offers.flatMap((offer) => poolsIn(offer).map(({ type }) => type)))];
  const sold = await soldIn(parts, types.slice(0, typesMax), signal);
  const found = await checkEach(
    offers,
    (offer) => ({ pools: poolsIn(offer), resources: offer.resources }),
    async ({ pools, resources }) => {
      for (const type of new Set(pools.map((pool) => pool.type))) {
        const { cpus, memoryMiB } = await typeOf(parts, type, signal);
        const lacks = [
          cpus < resources.cpus ? `${cpus} of ${resources.cpus} CPUs` : [],
          memoryMiB < resources.memoryMiB
            ? `${formatSize(memoryMiB)} of ${formatSize(resources.memoryMiB)} memory`
            : [],
        ].flat();
        if (lacks.length > 0)
          return { verdict: 'error', message: `${type} has less than the offer says: ${lacks.join(', ')}` };
      }
      const unsold = pools.filter(({ type, zone }) => zone !== null && !sold.has(`${type} ${zone}`));
      if (unsold.length === 0) return null;
      const names = unsold.map(({ type, zone }) => `${type} in ${zone}`).join(', ');
      const verdict = unsold.length === pools.length ? 'error' : 'warning';
      return { verdict, message: `EC2 does not have ${names}` };
    },
  );
  return orWell(found, `${types.length} types, each with what its offers promise`);
};

/** The zones that sell each type, as `type zone`. */
async function soldIn(
  { exchange }: CheckParts,
  types: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  if (types.length === 0) return new Set();
  const action = 'DescribeInstanceTypeOfferings';
  const command = new DescribeInstanceTypeOfferingsCommand({
    LocationType: 'availability-zone',
    Filters: [{ Name: 'instance-type', Values: [...types] }],
  });
  const answer = await exchange(command, { action, write: false, signal });
  return new Set(
    (answer.InstanceTypeOfferings ?? []).map(({ InstanceType, Location }) => `${InstanceType} ${Location}`),
  );
}

async function typeOf({ exchange }: CheckParts, type: string, signal: AbortSignal) {
  const action = 'DescribeInstanceTypes';
  const command = new DescribeInstanceTypesCommand({ InstanceTypes: [type as _InstanceType] });
  const { InstanceTypes = [] } = await exchange(command, { action, write: false, signal });
  const row = InstanceTypes.find(({ InstanceType }) => InstanceType === type);
  if (row === undefined) throw new CloudError('notFound', `there is no type ${type}`);
  return {
    cpus: row.VCpuInfo?.DefaultVCpus ?? 0,
    memoryMiB: row.MemoryInfo?.SizeInMiB ?? 0,
    arch: archOf(row.ProcessorInfo?.SupportedArchitectures ?? []),
  };
}

const images: Look = async (parts, { offers }, signal) => {
  const action = 'DescribeImages';
  const found = await checkEach(
    offers,
    (offer) => ({ image: settingsOf(offer).image, type: settingsOf(offer).type }),
    async ({ image, type }) => {
      const command = new DescribeImagesCommand({ ImageIds: [image] });
      const { Images = [] } = await parts.exchange(command, { action, write: false, signal });
      const row = Images.find(({ ImageId }) => ImageId === image);
      if (row === undefined) throw new CloudError('notFound', `there is no image ${image}`);
      if (row.State !== 'available')
        return { verdict: 'error', message: `image ${image} is ${row.State ?? 'in no state'}` };
      const { arch } = await typeOf(parts, type, signal);
      const own = row.Architecture === undefined ? arch : archOf([row.Architecture]);
      if (own !== arch)
        return { verdict: 'error', message: `image ${image} is for ${own}, and ${type} is ${arch}` };
      return null;
    },
  );
  return orWell(found, 'the images of all offers are there');
};

const networks: Look = async ({ exchange }, { offers }, signal) => {
  const subnets = await checkEach(
    offers,
    (offer) => [...new Set(poolsIn(offer).flatMap(({ subnet }) => subnet ?? []))],
    async (wanted) => {
      if (wanted.length === 0) return null;
      const action = 'DescribeSubnets';
      const command = new DescribeSubnetsCommand({ SubnetIds: wanted });
      const { Subnets = [] } = await exchange(command, { action, write: false, signal });
      const full = Subnets.filter(({ AvailableIpAddressCount }) => AvailableIpAddressCount === 0);
      if (full.length === 0) return null;
      const names = full.map(({ SubnetId }) => SubnetId).join(', ');
      return { verdict: 'warning', message: `${names} has no free address` };
    },
  );
  const places = await checkEach(
    offers,
    (offer) => {
      const { zone, subnet } = settingsOf(offer);
      return zone === undefined || subnet === undefined ? null : { zone, subnet };
    },
    async ({ zone, subnet }) => {
      const action = 'DescribeSubnets';
      const command = new DescribeSubnetsCommand({ SubnetIds: [subnet] });
      const { Subnets = [] } = await exchange(command, { action, write: false, signal });
      const actual = Subnets.find(({ SubnetId }) => SubnetId === subnet)?.AvailabilityZone;
      if (actual === undefined || actual === zone) return null;
      return { verdict: 'error', message: `${subnet} is in ${actual}, not in ${zone}` };
    },
  );
  const groups = await checkEach(
    offers,
    (offer) => settingsOf(offer).securityGroups ?? null,
    async (wanted) => {
      const action = 'DescribeSecurityGroups';
      const command = new DescribeSecurityGroupsCommand({ GroupIds: wanted });
      await exchange(command, { action, write: false, signal });
      return null;
    },
  );
  return orWell(
    [...subnets, ...places, ...groups],
    'the subnets and security groups of all offers are there',
  );
};

const keys: Look = async ({ exchange }, { offers }, signal) => {
  const found = await checkEach(
    offers,
    (offer) => settingsOf(offer).keyName ?? null,
    async (name) => {
      const command = new DescribeKeyPairsCommand({ KeyNames: [name] });
      await exchange(command, { action: 'DescribeKeyPairs', write: false, signal });
      return null;
    },
  );
  const named = offers.some((offer) => settingsOf(offer).keyName !== undefined);
  return orWell(found, named ? 'the key pairs of all offers are there' : 'no offer names a key pair');
};

const storage: Look = async ({ exchange, lister }, _request, signal) =>
  await leakFindings(exchange, lister.site, signal);

/** What spot machines cost now against what the config says: budgets count by that until a machine is launched. */
const prices: Look = async ({ exchange, clock }, { offers }, signal) => {
  const spot = offers.filter(({ market }) => market === 'spot');
  if (spot.length === 0) return [{ verdict: 'ok', message: 'there are no spot offers' }];
  const told = await offerPrices(exchange, { offers: spot, wallMs: clock.wallNow() }, signal);
  const findings: CheckFinding[] = [];
  for (const { name } of spot) {
    const price = told.get(name);
    findings.push(
      price === undefined
        ? { verdict: 'warning', message: 'EC2 tells no spot price of it', offers: [name] }
        : {
            verdict: 'ok',
            message: `${price.perHour} ${price.currency}/h now`,
            offers: [name],
            figures: { perHour: price.perHour },
          },
    );
  }
  return findings;
};
