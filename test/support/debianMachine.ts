import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from './runningSite.ts';

const scripts = resolve(import.meta.dirname, '../../scripts/testbed');
const cannotExitCode = 69;

export const suites = ['bookworm', 'trixie'] as const;
export type Suite = (typeof suites)[number];

/** A clean Debian that systemd has booted, with no network but its own loopback. */
export interface DebianMachine {
  /** Runs a program in it as root. */
  run(argv: readonly [string, ...string[]], input?: string): MachineResult;
  /** The same, and throws where the exit code is not 0. Returns what it prints, without the last line's end. */
  ok(argv: readonly [string, ...string[]], input?: string): string;
  stop(): Promise<void>;
}

export interface MachineResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Null where this host cannot have one: said aloud, and a failure with SPILLWAY_TESTBED_REQUIRED=1. */
export async function startDebianMachine(suite: Suite, packages: string): Promise<DebianMachine | null> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-debian-'));
  const child = spawn(join(scripts, 'debian-machine'), [folder, suite, packages], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  try {
    // The root is installed first where it is not there.
    await until('the root is there', () => isOver() || existsSync(join(folder, 'ready')), {
      withinMs: 300_000,
    });
    if (isOver()) return missing(child.exitCode, said);
    const machine = machineOf(child, folder);
    await until('systemd has booted', () => isOver() || hasBooted(machine));
    if (!isOver()) return machine;
    const log = readFileSync(join(folder, 'console.log'), 'utf8');
    return missing(cannotExitCode, `systemd does not boot here: ${log.slice(-500)}`);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function hasBooted(machine: DebianMachine): boolean {
  return /running|degraded/.test(machine.run(['systemctl', 'is-system-running']).stdout);
}

function missing(exitCode: number | null, why: string): null {
  if (exitCode !== cannotExitCode) throw new Error(`debian-machine: ${why}`);
  if (process.env.SPILLWAY_TESTBED_REQUIRED === '1') throw new Error(`no Debian machine: ${why}`);
  process.stderr.write(`SKIPPED, no Debian machine: ${why}\n`);
  return null;
}

function machineOf(child: ChildProcess, folder: string): DebianMachine {
  const pid = child.pid ?? 0;
  const run: DebianMachine['run'] = (argv, input = '') => {
    const init = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] ?? '';
    const { status, stdout, stderr } = spawnSync(
      'nsenter',
      [
        '--target',
        init,
        '--mount',
        '--uts',
        '--ipc',
        '--net',
        '--pid',
        '--',
        'env',
        '-i',
        'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
        'LANG=C.UTF-8',
        'TERM=dumb',
        ...argv,
      ],
      { input, encoding: 'utf8', timeout: 120_000, maxBuffer: 16 * 1024 * 1024 },
    );
    return { code: status, stdout, stderr };
  };
  return {
    run,
    ok: (argv, input) => {
      const { code, stdout, stderr } = run(argv, input);
      if (code !== 0) throw new Error(`${argv.join(' ')}: exit code ${code}: ${stdout}${stderr}`);
      return stdout.trimEnd();
    },
    stop: async () => {
      const over = once(child, 'close');
      child.kill('SIGTERM');
      const late = AbortSignal.timeout(30_000);
      late.addEventListener('abort', () => child.kill('SIGKILL'));
      if (child.exitCode === null && child.signalCode === null) await over;
      for (const hierarchy of ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd'])
        removeGroup(join(hierarchy, `debian-machine-${pid}`));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Empty control groups, the innermost first. */
function removeGroup(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroup(join(path, entry.name));
  try {
    rmdirSync(path);
  } catch {
    // Something in it has not ended yet: an empty group is left behind.
  }
}
