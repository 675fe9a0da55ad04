import { EC2Client, paginateDescribeInstances } from '@aws-sdk/client-ec2';
import type { CloudFacts } from './place.ts';

export interface CloudCount {
  readonly launched: number;
  readonly terminated: number;
  /** Not terminated: pending, running, shutting down, stopped. */
  readonly left: number;
}

/** Every instance that the cloud has ever had, by the cloud's own list. */
export async function countInstances(cloud: CloudFacts): Promise<CloudCount> {
  const { endpoint, region, accessKeyId, secretAccessKey } = cloud;
  const client = new EC2Client({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
  const states: string[] = [];
  try {
    for await (const page of paginateDescribeInstances({ client, pageSize: 1000 }, {})) {
      const instances = page.Reservations?.flatMap((reservation) => reservation.Instances ?? []) ?? [];
      states.push(...instances.map((instance) => instance.State?.Name ?? 'unknown'));
    }
  } finally {
    client.destroy();
  }
  const terminated = states.filter((state) => state === 'terminated').length;
  return { launched: states.length, terminated, left: states.length - terminated };
}
