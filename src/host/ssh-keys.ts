import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './programs.ts';

/** A key pair in a folder of its own that nobody else can read, for as long as it is needed. */
export interface KeyPair {
  /** Null: there is no ssh-keygen on this host. */
  readonly publicKey: string | null;
  /** Beside the private key, what ssh needs to know the other side. */
  filesFor(knownHosts: string): Promise<{ readonly privateKey: string; readonly knownHosts: string }>;
  remove(): Promise<void>;
}

/** Throws where the temporary folder cannot be written to. */
export async function makeKeyPair(signal: AbortSignal): Promise<KeyPair> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-key-'));
  const privateKey = join(folder, 'key');
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const argv = ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'spillway', '-f', privateKey];
    const { exitCode } = await runProgram(argv, { stdoutBytesMax: 4096 }, signal);
    const publicKey = exitCode === 0 ? (await readFile(`${privateKey}.pub`, 'utf8')).trim() : null;
    return {
      publicKey,
      filesFor: async (text) => {
        const knownHosts = join(folder, 'known_hosts');
        await writeFile(knownHosts, text, { mode: 0o600 });
        return { privateKey, knownHosts };
      },
      remove,
    };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return { publicKey: null, filesFor: () => Promise.reject(error), remove };
    await remove();
    throw error;
  }
}
