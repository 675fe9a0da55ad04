import type { ProbeCheck } from '../model/probe.ts';
import { runProgram } from './programs.ts';
import { takesConnections } from './reach.ts';
import { sshArgv } from './ssh.ts';

const outputBytesMax = 64 * 1024;

/** Asks a machine once whether it is there. Throws where the asking itself cannot be done: that is no answer either. */
export async function askMachine(
  check: ProbeCheck,
  { instance, address }: { readonly instance: string; readonly address: string },
  signal: AbortSignal,
): Promise<boolean> {
  switch (check.kind) {
    case 'tcp':
      return await takesConnections(address, check.port, signal);
    case 'ssh': {
      // Whether somebody answers is asked, not who it is: nothing is handed over here.
      const { user, identity, port } = check;
      const target = { host: address, port, user, identity, knownHosts: null };
      return await succeeds(sshArgv(target, { options: ['BatchMode=yes'], command: ['true'] }), signal);
    }
    case 'command':
      return await succeeds(
        check.command.map((word) =>
          word.replaceAll('{{address}}', address).replaceAll('{{instance}}', instance),
        ),
        signal,
      );
  }
}

async function succeeds(argv: readonly string[], signal: AbortSignal): Promise<boolean> {
  return (await runProgram(argv, { stdoutBytesMax: outputBytesMax }, signal)).exitCode === 0;
}

/** A site's command with a text on its standard input. Throws where it cannot be run or does not end well. */
export async function runHook(command: readonly string[], input: string, signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await runProgram(command, { input, stdoutBytesMax: outputBytesMax }, signal);
  const [line = ''] = stderr.trim().split('\n');
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}${line === '' ? '' : `: ${line.slice(0, 200)}`}`);
}
