import { spawn } from 'node:child_process';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../host/files.ts';
import type { ProcessMark } from '../../host/processes.ts';
import { CloudError } from '../../model/errors.ts';
import { fileNames } from './machine-folder.ts';
import type { LocalOffer } from './settings.ts';

/**
 * Becomes the boot command. It says itself what its number is, before it does anything: were that the daemon's to write,
 * a daemon killed in between would leave a process that nobody finds. `set -C` lets only one of two starts pass.
 *
 * It closes descriptor 3 when that is done: whoever holds the other end knows then that the machine exists.
 * Arguments: the cgroup's folder or "", how many ulimits, the ulimits (each as option=value), the command.
 */
const startScript = `
set -eu
( set -C; : > started ) 2>/dev/null || exit 0
birth() { read -r line < /proc/$$/stat; line=\${line##*) }; set -- $line; shift 19; echo "$1"; }
read -r boot < /proc/sys/kernel/random/boot_id
if [ -n "$1" ]; then echo $$ > "$1/cgroup.procs"; fi
echo "$$ $(birth) $boot" > process.new
mv process.new process
exec 3>&-
count=$2
shift 2
while [ "$count" -gt 0 ]; do
  ulimit "\${1%%=*}" "\${1#*=}"
  count=$((count - 1))
  shift
done
cd work
exec "$@"
`;

export interface Start {
  readonly folder: string;
  readonly mark: ProcessMark;
  readonly offer: LocalOffer;
  readonly hasUserData: boolean;
  readonly cgroup: string | null;
}

/** Starts a machine's process group, apart from the daemon's own: it outlives it. Returns once it exists. */
export async function startMachine({ folder, mark, offer, hasUserData, cgroup }: Start): Promise<void> {
  const userData = join(folder, fileNames.userData);
  const command = offer.command ?? (hasUserData ? [userData] : ['sleep', 'infinity']);
  const ulimits = ulimitsOf(offer);
  const log = await open(join(folder, fileNames.log), 'a', 0o600);
  try {
    const child = spawn(
      '/bin/sh',
      ['-c', startScript, 'spillway-start', cgroup ?? '', String(ulimits.length), ...ulimits, ...command],
      {
        cwd: folder,
        detached: true,
        stdio: ['ignore', log.fd, log.fd, 'pipe'],
        // Nothing of the daemon's own environment: it may hold secrets.
        env: {
          PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          LANG: 'C.UTF-8',
          ...offer.environment,
          HOME: join(folder, fileNames.work),
          SPILLWAY_FOLDER: folder,
          ...(hasUserData ? { SPILLWAY_USER_DATA: userData } : {}),
          [mark.variable]: mark.value,
        },
      },
    );
    const exists = child.stdio[3];
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      exists?.once('close', () => resolve());
      if (exists !== undefined && exists !== null && 'resume' in exists) exists.resume();
    });
    child.unref();
  } finally {
    await log.close();
  }
}

/** Throws `notFound` for a command that is not there: said at once, where a start would only fail. */
export async function refuseMissing(program: string | undefined): Promise<void> {
  if (program === undefined || !program.startsWith('/')) return;
  try {
    await stat(program);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new CloudError('notFound', `no program ${program} on this host`, { cause: error });
  }
}

function ulimitsOf({ ulimits }: LocalOffer): string[] {
  const { addressSpace, fileSize, cpuSeconds, openFiles } = ulimits;
  return [
    ...(addressSpace === undefined ? [] : [`-v=${addressSpace * 1024}`]),
    // In blocks of 512 bytes, as POSIX has it.
    ...(fileSize === undefined ? [] : [`-f=${fileSize * 2048}`]),
    ...(cpuSeconds === undefined ? [] : [`-t=${cpuSeconds}`]),
    ...(openFiles === undefined ? [] : [`-n=${openFiles}`]),
  ];
}
