import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { HTCondorTestbed } from './testbed.ts';

const config = new URL('../../config/cloud-scheduler/', import.meta.url).pathname;

/**
 * For a pool's configuration: what the example has for the schedd. HTCondor as the testbed unpacks it cannot make the
 * request that a delegation begins with: there a proxy is copied.
 */
export const atlasPoolConfig = `DELEGATE_JOB_GSI_CREDENTIALS = FALSE\n${readFileSync(join(config, 'requests.config'), 'utf8')}`;

/** What the job prints: how often its proxy speaks of a private key, and the processors of its slot. */
export const atlasOutput = '2\nCpus = 8\n';

/** A folder of the user's, with the job's file as it is, its program and a proxy that ends tomorrow. */
export function atlasHome({ folder: pool }: HTCondorTestbed, name: string): string {
  const folder = join(pool, 'home', name);
  mkdirSync(folder);
  copyFileSync(join(config, 'atlas-job.sub'), join(folder, 'atlas-job.sub'));
  writeFileSync(
    join(folder, 'runpilot3-wrapper.sh'),
    '#!/bin/sh\ngrep -c "PRIVATE KEY" "$X509_USER_PROXY"\ngrep "^Cpus " .machine.ad\nsleep 15\n',
  );
  const made = ['-keyout', join(folder, 'key'), '-out', join(folder, 'certificate')];
  const kind = 'req -x509 -newkey rsa:2048 -nodes -days 1 -subj /O=test/CN=ann'.split(' ');
  execFileSync('openssl', [...kind, ...made], { stdio: 'ignore' });
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  writeFileSync(join(folder, 'atlas.proxy'), read('certificate') + read('key'));
  chmodSync(join(folder, 'runpilot3-wrapper.sh'), 0o755);
  chmodSync(join(folder, 'atlas.proxy'), 0o600);
  if (process.getuid?.() === 0)
    for (const path of [folder, ...readdirSync(folder).map((file) => join(folder, file))])
      chownSync(path, 1000, 1000);
  return folder;
}

/** Submits the file with the proxy where it is, and with more lines; returns `cluster.proc`. */
export async function submitAtlasJob(
  { bin }: HTCondorTestbed,
  folder: string,
  ...more: readonly string[]
): Promise<string> {
  const proxy = `x509userproxy = ${join(folder, 'atlas.proxy')}`;
  const args = ['-append', proxy, ...more.flatMap((line) => ['-append', line]), 'atlas-job.sub'];
  const { stdout } = await promisify(execFile)(join(bin, 'condor_submit'), args, { cwd: folder });
  return `${/cluster (\d+)/.exec(stdout)?.[1]}.0`;
}
