import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../host/programs.ts';
import { sshArgv } from '../../host/ssh.ts';
import type { InstanceId } from '../../model/ids.ts';
import type { QueueDeps, QueueMachine } from '../port.ts';
import type { MachineAccess } from './access.ts';
import { cleanScript, prepareScript } from './remote-scripts.ts';
import type { SshSettings } from './settings.ts';

const keyPattern = /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]+={0,3}$/;
const answerBytesMax = 64 * 1024;

/**
 * Machines that are reached by SSH with OpenSSH's own programs. The holder brings a public key, which the work account of
 * the machine takes while the lease lasts; nobody's private key is ever handed over.
 */
export function sshAccess(settings: SshSettings, { memory }: Pick<QueueDeps, 'memory'>): MachineAccess {
  const { user, admin, identity, port } = settings;
  const pinKey = (instance: InstanceId) => `hostKeys/${instance}`;

  async function hostKeysOf(machine: QueueMachine, signal: AbortSignal): Promise<string> {
    if (settings.knownHosts !== undefined) return await readFile(settings.knownHosts, 'utf8');
    const pinned = memory.load().get(pinKey(machine.instance));
    if (typeof pinned === 'string') return pinned;
    const host = hostOf(machine);
    const { stdout, exitCode } = await runProgram(
      ['ssh-keyscan', '-T', '10', '-p', String(port), host],
      { stdoutBytesMax: answerBytesMax },
      signal,
    );
    const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    if (exitCode !== 0 || lines.length === 0) throw new Error(`${host} shows no host key on port ${port}`);
    const text = `${lines.join('\n')}\n`;
    memory.save(new Map([[pinKey(machine.instance), text]]));
    return text;
  }

  /** As the admin account; the script comes by standard input, so that nothing of it is in an argument. */
  async function run(machine: QueueMachine, script: string, signal: AbortSignal): Promise<string> {
    const knownHosts = await hostKeysOf(machine, signal);
    const folder = await mkdtemp(join(tmpdir(), 'spillway-ssh-'));
    try {
      const knownHostsFile = join(folder, 'known_hosts');
      await writeFile(knownHostsFile, knownHosts, { mode: 0o600 });
      const target = { host: hostOf(machine), port, user: admin, identity, knownHosts: knownHostsFile };
      const { exitCode, stderr } = await runProgram(
        sshArgv(target, { options: ['BatchMode=yes', 'ConnectTimeout=10'], command: ['sh', '-s'] }),
        { input: script, stdoutBytesMax: answerBytesMax },
        signal,
      );
      if (exitCode !== 0)
        throw new Error(`ssh ${hostOf(machine)}: exit code ${exitCode}: ${stderr.trim().slice(0, 300)}`);
      return knownHosts;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  return {
    prepare: async (machine, { id, publicKey }, signal) => {
      const key = publicKey?.trim().split(' ').slice(0, 2).join(' ') ?? '';
      if (!keyPattern.test(key)) throw new Error('not a public key in the form of OpenSSH');
      const knownHosts = await run(machine, prepareScript({ user, lease: id, publicKey: key }), signal);
      return { kind: 'ssh', host: hostOf(machine), port, user, knownHosts };
    },
    clean: async (machine, lease, signal) => {
      await run(machine, cleanScript({ user, lease }), signal);
    },
  };
}

function hostOf({ instance, address }: QueueMachine): string {
  if (address === null) throw new Error(`${instance} has no address yet`);
  return address;
}
