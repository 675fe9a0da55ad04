import { DescribeImagesCommand, DescribeLaunchTemplateVersionsCommand } from '@aws-sdk/client-ec2';
import { CloudError } from '../../model/errors.ts';
import type { Exchange } from './exchange.ts';
import type { Ec2Offer } from './settings.ts';

/** What an image, or a version of a launch template, says of volumes. */
interface Volumes {
  /** The image's own; null where the template says nothing of it. */
  readonly rootDevice: string | null;
  /** Devices whose volumes would stay when the machine is ended. */
  readonly kept: readonly string[];
}

/** What a machine would be made of, as far as volumes are concerned. */
export interface Disks {
  readonly rootDevice: string | null;
  readonly kept: readonly string[];
}

/** What images and numbered template versions say: learned once for each, as it never changes. */
export interface DiskMemory {
  disksOf(offer: Ec2Offer, signal: AbortSignal): Promise<Disks>;
}

/** Sites have few images; beyond so many the oldest are asked for again. */
const rememberedMax = 1000;

/**
 * One DescribeImages for each image and one DescribeLaunchTemplateVersions for each template, before the first machine of
 * it. Throws a CloudError, never in doubt: nothing has been made.
 */
export function diskMemory(exchange: Exchange): DiskMemory {
  const known = new Map<string, Volumes>();

  async function once(key: string, ask: () => Promise<Volumes>): Promise<Volumes> {
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = await ask();
    known.set(key, found);
    const oldest = known.size > rememberedMax ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    return found;
  }

  return {
    async disksOf({ image, launchTemplate: template }, signal) {
      const ofImage = await once(image, () => describeImage(exchange, image, signal));
      if (template === undefined) return ofImage;
      const key = `${template.id}:${template.version}`;
      const ofTemplate = await once(key, () => describeTemplate(exchange, template, signal));
      return { ...ofImage, kept: [...new Set([...ofImage.kept, ...ofTemplate.kept])] };
    },
  };
}

async function describeImage(exchange: Exchange, image: string, signal: AbortSignal): Promise<Volumes> {
  const action = 'DescribeImages';
  const answer = await exchange(new DescribeImagesCommand({ ImageIds: [image] }), {
    action,
    write: false,
    signal,
  });
  const row = answer.Images?.find((one) => one.ImageId === image);
  if (row === undefined) throw new CloudError('notFound', `${action}: ${image} is not there`);
  return { rootDevice: row.RootDeviceName || null, kept: keptOf(row.BlockDeviceMappings) };
}

async function describeTemplate(
  exchange: Exchange,
  { id, version }: NonNullable<Ec2Offer['launchTemplate']>,
  signal: AbortSignal,
): Promise<Volumes> {
  const action = 'DescribeLaunchTemplateVersions';
  const command = new DescribeLaunchTemplateVersionsCommand({
    LaunchTemplateId: id,
    Versions: [String(version)],
  });
  const answer = await exchange(command, { action, write: false, signal });
  const data = answer.LaunchTemplateVersions?.find(
    (row) => row.VersionNumber === version,
  )?.LaunchTemplateData;
  if (data === undefined) throw new CloudError('notFound', `${action}: ${id} has no version ${version}`);
  const interfaces = data.NetworkInterfaces ?? [];
  if (
    interfaces.some(
      ({ NetworkInterfaceId, DeleteOnTermination }) =>
        NetworkInterfaceId === undefined && DeleteOnTermination === false,
    )
  )
    throw new CloudError(
      'invalid',
      `${id} version ${version} makes network interfaces that stay when the machine is ended (DeleteOnTermination is false)`,
    );
  return { rootDevice: null, kept: keptOf(data.BlockDeviceMappings) };
}

interface Mapping {
  readonly DeviceName?: string | undefined;
  readonly Ebs?: { readonly DeleteOnTermination?: boolean | undefined } | undefined;
}

function keptOf(mappings: readonly Mapping[] | undefined): readonly string[] {
  return (mappings ?? []).flatMap(({ DeviceName, Ebs }) =>
    DeviceName !== undefined && DeviceName !== '' && Ebs?.DeleteOnTermination === false ? [DeviceName] : [],
  );
}
