import {
  DescribeNetworkInterfacesCommand,
  DescribeSpotInstanceRequestsCommand,
  DescribeVolumesCommand,
  type Filter,
  type Tag,
} from '@aws-sdk/client-ec2';
import type { CheckFinding } from '../../model/check.ts';
import type { SiteId } from '../../model/ids.ts';
import type { Exchange } from './exchange.ts';
import { literalFilter, markTags } from './mark.ts';
import { allPages } from './pages.ts';

const pageRows = 500;

/** Something with the site's mark that belongs to no machine, and is paid for or takes a place. */
export interface Leak {
  readonly kind: 'volume' | 'interface' | 'spotRequest';
  readonly id: string;
  /** Of volumes. */
  readonly sizeGiB: number | null;
}

/**
 * What machines of the site have left behind: volumes and interfaces that are attached to nothing, spot requests that
 * still wait. Only looked for, one call for each kind; throws a CloudError rather than report a part.
 */
export async function findLeaks(
  exchange: Exchange,
  site: SiteId,
  signal: AbortSignal,
): Promise<readonly Leak[]> {
  const ours = { Name: `tag:${markTags.site}`, Values: [literalFilter(site)] };
  const filters = (name: string, value: string): Filter[] => [ours, { Name: name, Values: [value] }];

  const volumes = await allPages('DescribeVolumes', async (token) => {
    const input = { Filters: filters('status', 'available'), MaxResults: pageRows };
    const command = new DescribeVolumesCommand(token === undefined ? input : { ...input, NextToken: token });
    const page = await exchange(command, { action: 'DescribeVolumes', write: false, signal });
    return { rows: page.Volumes ?? [], next: page.NextToken };
  });
  const interfaces = await allPages('DescribeNetworkInterfaces', async (token) => {
    const input = { Filters: filters('status', 'available'), MaxResults: pageRows };
    const command = new DescribeNetworkInterfacesCommand(
      token === undefined ? input : { ...input, NextToken: token },
    );
    const page = await exchange(command, { action: 'DescribeNetworkInterfaces', write: false, signal });
    return { rows: page.NetworkInterfaces ?? [], next: page.NextToken };
  });
  const requests = await allPages('DescribeSpotInstanceRequests', async (token) => {
    const input = { Filters: filters('state', 'open'), MaxResults: pageRows };
    const command = new DescribeSpotInstanceRequestsCommand(
      token === undefined ? input : { ...input, NextToken: token },
    );
    const page = await exchange(command, { action: 'DescribeSpotInstanceRequests', write: false, signal });
    return { rows: page.SpotInstanceRequests ?? [], next: page.NextToken };
  });

  // What a server that drops filters shows beside them is somebody's, and in use.
  return [
    ...volumes
      .filter((row) => row.State === 'available' && isOurs(row.Tags, site))
      .map(({ VolumeId = '', Size }) => ({ kind: 'volume', id: VolumeId, sizeGiB: Size ?? null }) as const),
    ...interfaces
      .filter((row) => row.Status === 'available' && isOurs(row.TagSet, site))
      .map(({ NetworkInterfaceId = '' }) => leak('interface', NetworkInterfaceId)),
    ...requests
      .filter((row) => row.State === 'open' && isOurs(row.Tags, site))
      .map(({ SpotInstanceRequestId = '' }) => leak('spotRequest', SpotInstanceRequestId)),
  ];
}

const shownMax = 5;

const kindNames: Readonly<Record<Leak['kind'], string>> = {
  volume: 'volumes attached to nothing',
  interface: 'network interfaces attached to nothing',
  spotRequest: 'spot requests that still wait',
};

/** For `check --live`. A volume of a machine that begins or ends just now may be among them. */
export async function leakFindings(
  exchange: Exchange,
  site: SiteId,
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const leaks = await findLeaks(exchange, site, signal);
  if (leaks.length === 0)
    return [{ verdict: 'ok', message: 'no volume, interface or spot request of this site is left behind' }];
  return [...Map.groupBy(leaks, ({ kind }) => kind)].map(([kind, found]) => {
    const ids = found.slice(0, shownMax).map(({ id }) => id);
    const more = found.length > shownMax ? `, and ${found.length - shownMax} more` : '';
    const sizeGiB = found.reduce((sum, one) => sum + (one.sizeGiB ?? 0), 0);
    return {
      verdict: 'warning',
      message: `${kindNames[kind]} bear this site's mark: ${ids.join(', ')}${more}; look at them, and delete what nobody needs`,
      figures: kind === 'volume' ? { leaks: found.length, sizeGiB } : { leaks: found.length },
    };
  });
}

function leak(kind: Leak['kind'], id: string): Leak {
  return { kind, id, sizeGiB: null };
}

function isOurs(tags: readonly Tag[] | undefined, site: SiteId): boolean {
  return (tags ?? []).some(({ Key, Value }) => Key === markTags.site && Value === site);
}
