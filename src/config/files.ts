import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type SecretReader, secretBytesMax, whyUnreadable } from './secrets.ts';

/** What the loader reads: the config, provider ads, boot templates, secrets. Handed in. */
export interface ConfigFiles {
  /** The whole file; throws with node:fs's `code`, `EFBIG` if it has more bytes than allowed. */
  read(path: string, bytesMax: number): Promise<{ readonly bytes: Buffer; readonly mode: number }>;
}

export const hostFiles: ConfigFiles = {
  read: async (path, bytesMax) => {
    // A named pipe would keep an ordinary open waiting for its writer.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (stat.isDirectory()) throw failure('EISDIR');
    if (!stat.isFile()) throw failure('ENOTSUP');
    if (stat.size > bytesMax) throw failure('EFBIG');
    const bytes = await file.readFile();
    if (bytes.length > bytesMax) throw failure('EFBIG');
    return { bytes, mode: stat.mode };
  },
};

export const hostEnvironment = (name: string): string | undefined => process.env[name];

/** Paths in a config are relative to the config's own folder. */
export function besideFile(configPath: string, path: string): string {
  return resolve(dirname(configPath), path);
}

export function secretReader(
  files: ConfigFiles,
  env: (name: string) => string | undefined,
  configPath: string,
): SecretReader {
  return { file: (path) => files.read(besideFile(configPath, path), secretBytesMax), env };
}

/** A text file, or what is wrong with it (the end of a sentence about the file). */
export async function readText(
  files: ConfigFiles,
  path: string,
  bytesMax: number,
): Promise<{ readonly text: string } | { readonly wrong: string }> {
  try {
    const { bytes } = await files.read(path, bytesMax);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text };
  } catch (cause) {
    if (cause instanceof TypeError) return { wrong: 'is not UTF-8 text' };
    const code = cause instanceof Error && 'code' in cause ? cause.code : '';
    if (code === 'EFBIG') return { wrong: `is larger than ${bytesMax} bytes` };
    if (code === 'ENOTSUP') return { wrong: 'is not a regular file' };
    return { wrong: whyUnreadable(cause) };
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
