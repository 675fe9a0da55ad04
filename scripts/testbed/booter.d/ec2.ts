import { Buffer } from 'node:buffer';
import {
  DescribeInstanceAttributeCommand,
  EC2Client,
  type Instance,
  paginateDescribeInstances,
} from '@aws-sdk/client-ec2';
import type { InstanceSource, RunningInstance } from './source.ts';

export interface Ec2SourceOptions {
  readonly endpoint: string;
  readonly region: string;
}

/** Instances of an EC2 endpoint; any credentials do for the testbed's. */
export function ec2Source({ endpoint, region }: Ec2SourceOptions): InstanceSource {
  const client = new EC2Client({
    endpoint,
    region,
    credentials: { accessKeyId: 'booter', secretAccessKey: 'booter' },
    maxAttempts: 1,
  });
  return {
    async running(signal) {
      const found: RunningInstance[] = [];
      const query = { Filters: [{ Name: 'instance-state-name', Values: ['running'] }] };
      for await (const page of paginateDescribeInstances({ client, pageSize: 1000 }, query, {
        abortSignal: signal,
      })) {
        for (const instance of page.Reservations?.flatMap((r) => r.Instances ?? []) ?? []) {
          if (instance.InstanceId) found.push({ id: instance.InstanceId, labels: labelsOf(instance) });
        }
      }
      return found;
    },
    async userData(id, signal) {
      const command = new DescribeInstanceAttributeCommand({ InstanceId: id, Attribute: 'userData' });
      const answer = await client.send(command, { abortSignal: signal });
      const base64 = answer.UserData?.Value;
      return base64 ? Buffer.from(base64, 'base64').toString('utf8') : null;
    },
  };
}

function labelsOf(instance: Instance): readonly string[] {
  const tags = instance.Tags?.map((tag) => tag.Value) ?? [];
  const all = [
    instance.InstanceId,
    instance.ImageId,
    instance.InstanceType,
    instance.Placement?.AvailabilityZone,
  ];
  return [...all, ...tags].filter((label) => label !== undefined);
}
