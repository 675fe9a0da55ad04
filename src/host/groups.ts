import { runProgram } from './programs.ts';

/** The number of a group of this host, wherever it is kept (NSS); null: there is none of that name. */
export async function groupNumber(name: string, signal: AbortSignal): Promise<number | null> {
  const { exitCode, stdout } = await runProgram(
    ['getent', 'group', '--', name],
    { stdoutBytesMax: 1_048_576 },
    signal,
  );
  const [, , number = ''] = stdout.split('\n')[0]?.split(':') ?? [];
  return exitCode === 0 && /^\d{1,10}$/.test(number) ? Number(number) : null;
}
