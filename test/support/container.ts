import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const script = resolve(import.meta.dirname, '../../scripts/testbed/image');
const cannotExitCode = 69;
/** The image's own user. */
const uid = 10_001;

/** What an image says of how it is run. */
const imageSchema = z.object({
  Docker: z.object({
    config: z.object({
      User: z.string(),
      Env: z.array(z.string()),
      Entrypoint: z.array(z.string()),
      Cmd: z.array(z.string()),
      WorkingDir: z.string(),
      Healthcheck: z.object({ Test: z.array(z.string()) }),
    }),
  }),
});

export interface Image {
  /** Folder of its root file system. */
  readonly root: string;
  readonly config: z.infer<typeof imageSchema>['Docker']['config'];
}

/** Null where this host cannot build one: said aloud, and a failure with SPILLWAY_TESTBED_REQUIRED=1. */
export function buildImage(target: 'runtime' | 'htcondor'): Image | null {
  const { status, stdout, stderr } = spawnSync(script, [target], { encoding: 'utf8' });
  if (status === cannotExitCode && process.env.SPILLWAY_TESTBED_REQUIRED !== '1') {
    process.stderr.write(`SKIPPED, no image: ${stderr.trim()}\n`);
    return null;
  }
  if (status !== 0) throw new Error(`image ${target}: ${stderr}`);
  const said = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
  const { Docker } = imageSchema.parse(JSON.parse(readFileSync(said('config'), 'utf8')));
  return { root: said('root'), config: Docker.config };
}

export interface Container {
  /** Runs a command in it as its user. */
  exec(argv: readonly string[]): {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
  };
  signal(name: NodeJS.Signals): void;
  /** Its exit code, once it has ended; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** What it has printed. */
  output(): string;
  dispose(): void;
}

export interface ContainerOptions {
  readonly image: Image;
  /** Mounted at /var/lib/spillway, and made the image's user's. */
  readonly state: string;
  /** Files or folders of this host, mounted read-only, by where. */
  readonly mounts: Readonly<Record<string, string>>;
}

/**
 * Runs an image as `docker run --read-only --tmpfs /tmp --tmpfs /run/spillway --cap-drop ALL --security-opt no-new-privileges`
 * would, with the host's network: its first process is what the image says, as the image's user.
 */
export function runContainer({ image: { root, config }, state, mounts }: ContainerOptions): Container {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-container-'));
  mkdirSync(join(folder, 'root'));
  execFileSync('chown', ['-R', `${uid}:${uid}`, state]);
  const environment = ['env', '-i', `--chdir=${config.WorkingDir}`, ...config.Env, 'HOME=/var/lib/spillway'];
  const setUp = `set -e
    new=$1; shift
    mount --bind "$1" "$new"; shift
    mount -t proc proc "$new/proc"
    mount --rbind /dev "$new/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$new/tmp"
    mount -t tmpfs -o "uid=${uid},gid=${uid},mode=755" tmpfs "$new/run/spillway"
    mount --bind "$1" "$new/var/lib/spillway"; shift
    while [ "$1" != -- ]; do
      if [ -d "$1" ]; then mkdir -p "$new$2"; else mkdir -p "$(dirname "$new$2")"; touch "$new$2"; fi
      mount --bind -o ro "$1" "$new$2"; shift 2
    done
    shift
    mount -o remount,bind,ro "$new"
    exec setpriv --no-new-privs --bounding-set=-all,+setuid,+setgid,+sys_chroot chroot --userspec=${uid}:${uid} "$new" "$@"`;
  const child: ChildProcess = spawn(
    'unshare',
    [
      '--mount',
      '--propagation',
      'private',
      '--pid',
      '--fork',
      '--kill-child=SIGKILL',
      'sh',
      '-c',
      setUp,
      'sh',
      join(folder, 'root'),
      root,
      state,
      ...Object.entries(mounts).flatMap(([where, what]) => [what, where]),
      '--',
      ...environment,
      ...config.Entrypoint,
      ...config.Cmd,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
  const inner = () => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  return {
    exec: (argv) => {
      const { status, stdout, stderr } = spawnSync(
        'nsenter',
        [
          '--target',
          inner(),
          '--mount',
          '--pid',
          '--root',
          '--setuid',
          String(uid),
          '--setgid',
          String(uid),
          '--',
          ...environment,
          ...argv,
        ],
        { encoding: 'utf8', timeout: 60_000 },
      );
      return { code: status, stdout, stderr };
    },
    signal: (name) => void process.kill(Number(inner()), name),
    ended: once(child, 'close').then(([code]) => code as number | null),
    output: () => text,
    dispose: () => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
