import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EC2Client, type Instance, paginateDescribeInstances } from '@aws-sdk/client-ec2';
import type { Ec2Testbed, HTCondorTestbed } from './testbed.ts';

const templates = resolve(import.meta.dirname, '../../config/user-data');

export interface FarmPool {
  readonly name: string;
  readonly offers: readonly string[];
  readonly min?: number;
  readonly max: number;
  readonly headroom?: number;
  readonly idle?: string;
  readonly idleConfirm?: string;
}

export interface FarmOptions {
  readonly pool: HTCondorTestbed;
  readonly endpoint: string;
  readonly ec2?: Ec2Testbed;
  readonly site: string;
  /** One offer for each VMType, of so many processors. */
  readonly vmTypes: Readonly<Record<string, { readonly cpus: number; readonly type: string }>>;
  readonly pools: readonly FarmPool[];
  readonly cloudMax?: number;
  readonly cloudDeadline?: string;
  /** Instead of the shipped template. */
  readonly template?: 'htcondor.sh' | 'htcondor.cloud-config.yaml';
}

/**
 * The queue of a real pool, looked at each second. No test that uses it restarts the collector: what that does not show is not
 * there.
 */
export const condorQueue = (
  pool: HTCondorTestbed,
  { name = 'condor', deadline = '30s' }: { readonly name?: string; readonly deadline?: string } = {},
) => ({
  name,
  adapter: 'htcondor',
  poll: '1s',
  deadline,
  updateInterval: '1s',
  bin: pool.bin,
  schedds: pool.schedds,
  join: {
    collector: pool.collector,
    trustDomain: pool.trustDomain,
    signingKey: `file:${pool.keyPath}`,
    signingKeyId: pool.keyName,
  },
});

/** The config of a site with the real pool and one EC2 endpoint, with times short enough for a test. */
export function farmConfig(options: FarmOptions) {
  const { pool, endpoint, site, vmTypes, pools, cloudMax, cloudDeadline = '10s' } = options;
  const imageId = options.ec2?.imageId ?? 'ami-12c6146b';
  const config = {
    site,
    stateDir: 'FOLDER/state',
    queues: [condorQueue(pool)],
    clouds: [
      {
        name: 'ec2',
        driver: 'ec2',
        poll: '1s',
        deadline: cloudDeadline,
        region: options.ec2?.region ?? 'us-east-1',
        endpoint,
        credentials: { accessKeyId: 'file:FOLDER/access-key', secretAccessKey: 'file:FOLDER/secret-key' },
        ...(cloudMax === undefined ? {} : { max: cloudMax }),
      },
    ],
    offers: Object.entries(vmTypes).map(([name, { cpus, type }]) => ({
      name,
      cloud: 'ec2',
      cpus,
      memory: '4GiB',
      disk: '10GiB',
      attributes: { VMType: name },
      boot: { image: imageId, type },
    })),
    pools: pools.map(({ name, offers, min = 0, max, headroom = 0, idle = '3s', idleConfirm = '2s' }) => ({
      name,
      queue: 'condor',
      offers,
      min,
      max,
      headroom,
      userData: join(templates, options.template ?? 'htcondor.sh'),
      limits: { idle, idleConfirm, bootMax: '60s', joinMax: '60s', silent: '60s' },
    })),
    policy: { reap: '1m', setAsideFirst: '2s', setAsideMax: '10s' },
  };
  return {
    // JSON is YAML: no second way to write it down.
    config: JSON.stringify(config, null, 2),
    files: { 'access-key': 'test', 'secret-key': 'test-secret' },
  };
}

export interface JobOptions {
  readonly count?: number;
  readonly seconds: number;
  readonly vmType?: string;
  readonly requirements?: string;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  readonly gpus?: number;
}

/** Submits jobs that sleep; returns the cluster's number. */
export async function submitJobs(pool: HTCondorTestbed, options: JobOptions): Promise<number> {
  const { count = 1, seconds, vmType, requirements, cpus = 1, memoryMiB = 64, gpus = 0 } = options;
  const wanted = requirements ?? (vmType === undefined ? null : 'TARGET.VMType == MY.VMType');
  const lines = [
    'executable = /bin/sleep',
    `arguments = ${seconds}`,
    'transfer_executable = false',
    'should_transfer_files = yes',
    'when_to_transfer_output = on_exit',
    'initialdir = /tmp',
    'log = /dev/null',
    `request_cpus = ${cpus}`,
    `request_memory = ${memoryMiB}`,
    'request_disk = 1024',
    ...(gpus === 0 ? [] : [`request_gpus = ${gpus}`]),
    ...(vmType === undefined ? [] : [`+VMType = "${vmType}"`]),
    ...(wanted === null ? [] : [`requirements = ${wanted}`]),
    `queue ${count}`,
  ];
  const path = join(pool.folder, `job-${process.pid}-${submitted++}.sub`);
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o644 });
  const output = await pool.run('condor_submit', ['-terse', path]);
  const cluster = Number(/^(\d+)\./.exec(output.trim())?.[1]);
  if (!Number.isInteger(cluster)) throw new Error(`condor_submit said: ${output}`);
  return cluster;
}

let submitted = 0;

/** Jobs in the queue by state: 1 idle, 2 running, 5 held. */
export async function queueCounts(pool: HTCondorTestbed): Promise<Readonly<Record<string, number>>> {
  const output = await pool.run('condor_q', ['-allusers', '-af', 'JobStatus']);
  const counts: Record<string, number> = {};
  for (const state of output.split('\n').filter((line) => line !== ''))
    counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

export async function queueIsEmpty(pool: HTCondorTestbed): Promise<boolean> {
  return Object.keys(await queueCounts(pool)).length === 0;
}

/** How often each job of a cluster was started: more than once means that it was evicted. */
export async function jobStarts(pool: HTCondorTestbed, cluster: number): Promise<readonly number[]> {
  const ended = await pool.run('condor_history', [String(cluster), '-af', 'NumJobStarts']);
  return ended
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

/** Takes the ads of machines that were killed out of the collector, where they would pass for capacity for minutes. */
export async function forgetMachines(pool: HTCondorTestbed): Promise<void> {
  const path = join(pool.folder, `forget-${process.pid}-${submitted++}.ad`);
  writeFileSync(path, 'MyType = "Query"\nTargetType = "Machine"\nRequirements = true\n', { mode: 0o644 });
  await pool.run('condor_advertise', ['INVALIDATE_STARTD_ADS', path]);
}

/** All instances that the endpoint has ever made, terminated ones too: the verdict is the cloud's own. */
export async function cloudInstances(endpoint: string): Promise<readonly Instance[]> {
  const client = new EC2Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    const instances: Instance[] = [];
    for await (const page of paginateDescribeInstances({ client, pageSize: 200 }, {}))
      for (const { Instances = [] } of page.Reservations ?? []) instances.push(...Instances);
    return instances;
  } finally {
    client.destroy();
  }
}

export const tagOf = ({ Tags = [] }: Instance, key: string): string | undefined =>
  Tags.find((tag) => tag.Key === key)?.Value;

export const isAlive = ({ State }: Instance): boolean =>
  State?.Name !== 'terminated' && State?.Name !== 'shutting-down';
