import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { renderTemplate } from '../../../src/config/template.ts';

/** What scripts/testbed says of the pool that it has started. */
export interface PoolFacts {
  readonly bin: string;
  readonly collector: string;
  readonly schedds: readonly string[];
  readonly trustDomain: string;
  readonly keyName: string;
  readonly keyPath: string;
}

/** … and of the cloud. */
export interface CloudFacts {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly imageId: string;
}

export interface Place {
  /** The demo's own folder. */
  readonly folder: string;
  /** The jobs' working folder: the pool's user writes there. */
  readonly jobs: string;
  readonly configPath: string;
  readonly pool: PoolFacts;
  readonly cloud: CloudFacts;
}

/** Lays out the demo in a testbed's folder: the config with its secrets, and a folder for the jobs. */
export function layOut(testbed: string): Place {
  const facts = (kind: string): unknown =>
    JSON.parse(readFileSync(join(testbed, kind, 'testbed.json'), 'utf8'));
  const pool = facts('htcondor') as PoolFacts;
  const cloud = facts('ec2') as CloudFacts;
  const folder = join(testbed, 'demo');
  const jobs = join(folder, 'jobs');
  mkdirSync(jobs, { recursive: true });
  chmodSync(jobs, 0o777);
  writeFileSync(join(folder, 'access-key'), cloud.accessKeyId, { mode: 0o600 });
  writeFileSync(join(folder, 'secret-key'), cloud.secretAccessKey, { mode: 0o600 });
  const template = readFileSync(join(import.meta.dirname, 'site.yaml'), 'utf8');
  const configPath = join(folder, 'site.yaml');
  writeFileSync(
    configPath,
    renderTemplate(template, {
      folder,
      condorBin: pool.bin,
      schedd: pool.schedds[0] ?? '',
      collector: pool.collector,
      trustDomain: pool.trustDomain,
      keyPath: pool.keyPath,
      keyName: pool.keyName,
      endpoint: cloud.endpoint,
      region: cloud.region,
      imageId: cloud.imageId,
      userData: resolve(import.meta.dirname, '../../../config/user-data/htcondor.sh'),
    }),
  );
  return { folder, jobs, configPath, pool, cloud };
}
