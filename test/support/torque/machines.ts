import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { until } from '../runningSite.ts';

const scripts = resolve(import.meta.dirname, '../../../scripts/testbed');
const cannotExitCode = 69;

/** Machines with a real sshd, each with processes and files of its own, at addresses of the loopback. */
export interface SshMachines {
  readonly addresses: readonly string[];
  readonly port: number;
  /** The private key of each machine's root. */
  readonly adminKey: string;
  /** Runs a shell command as root on a machine; returns what it prints. */
  run(address: string, command: string): string;
  stop(): Promise<void>;
}

/** Null where this host cannot have them: said aloud, and a failure with SPILLWAY_TESTBED_REQUIRED=1. */
export function sshMachinesMissing(): string | null {
  const reason = whyMissing();
  if (reason === null) return null;
  if (process.env.SPILLWAY_TESTBED_REQUIRED === '1') throw new Error(`no machines with sshd: ${reason}`);
  process.stderr.write(`SKIPPED, no machines with sshd: ${reason}\n`);
  return reason;
}

function whyMissing(): string | null {
  const works = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
  if (process.getuid?.() !== 0 || !works('unshare', '--mount', '--pid', '--fork', 'true'))
    return 'machines of their own need root and namespaces';
  if (!works('ssh', '-V')) return 'this host has no ssh';
  const { status, stderr } = spawnSync(join(scripts, 'sshd-root'), { encoding: 'utf8' });
  if (status === 0) return null;
  if (status !== cannotExitCode) throw new Error(`sshd-root: ${stderr}`);
  return stderr.trim();
}

export async function startSshMachines(
  folder: string,
  { count, port, firstHost }: { count: number; port: number; firstHost: number },
): Promise<SshMachines> {
  const adminKey = join(folder, 'admin');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'admin', '-f', adminKey]);
  const addresses = Array.from({ length: count }, (_, index) => `127.0.0.${firstHost + index}`);
  const children: ChildProcess[] = [];
  for (const address of addresses) {
    const place = join(folder, `machine-${address}`);
    mkdirSync(place);
    const log = openSync(join(place, 'log'), 'a');
    children.push(
      spawn(join(scripts, 'sshd-machine'), [place, address, String(port), `${adminKey}.pub`], {
        stdio: ['ignore', log, log],
        detached: true,
      }),
    );
    closeSync(log);
  }
  const options = [
    '-F',
    'none',
    '-i',
    adminKey,
    '-p',
    String(port),
    '-o',
    'BatchMode=yes',
    '-o',
    'LogLevel=ERROR',
  ];
  const unknown = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
  const run = (address: string, command: string) =>
    execFileSync('ssh', [...options, ...unknown, `root@${address}`, command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const stop = async () => {
    await Promise.all(
      children.map(
        (child) =>
          new Promise<void>((done) => {
            if (child.exitCode !== null || child.signalCode !== null) return done();
            child.once('exit', () => done());
            child.kill('SIGKILL');
          }),
      ),
    );
  };
  try {
    for (const [index, address] of addresses.entries()) {
      await until(`the machine ${address} takes logins`, () => {
        if (children[index]?.exitCode !== null)
          throw new Error(
            `the machine ${address} has ended: ${readFileSync(join(folder, `machine-${address}`, 'log'), 'utf8')}`,
          );
        if (!existsSync(join(folder, `machine-${address}`, 'ready'))) return false;
        try {
          return run(address, 'echo up') === 'up\n';
        } catch {
          return false;
        }
      });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { addresses, port, adminKey, run, stop };
}
