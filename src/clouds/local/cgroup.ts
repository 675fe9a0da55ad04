import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isMissing } from '../../host/files.ts';
import type { LocalOffer } from './settings.ts';

/** CPU time is dealt out in slices of so many µs. */
const periodUs = 100_000;

/** A control group (v2) of one machine, below the one that is delegated to us. */
export async function makeCgroup(parent: string, folder: string, { limits }: LocalOffer): Promise<string> {
  const path = join(parent, `spillway-${basename(folder)}`);
  await mkdir(path, { recursive: true });
  const { memory, cpus, processes } = limits;
  if (memory !== undefined) await writeFile(join(path, 'memory.max'), String(memory * 1024 ** 2));
  if (cpus !== undefined) await writeFile(join(path, 'cpu.max'), `${Math.ceil(cpus * periodUs)} ${periodUs}`);
  if (processes !== undefined) await writeFile(join(path, 'pids.max'), String(processes));
  return path;
}

/** Kills whatever is in it, and removes it when it is empty; may be called for one that is gone. */
export async function endCgroup(parent: string, folder: string, kill: boolean): Promise<void> {
  const path = join(parent, `spillway-${basename(folder)}`);
  try {
    if (kill) await writeFile(join(path, 'cgroup.kill'), '1');
    await rmdir(path);
  } catch (error) {
    if (isMissing(error) || isBusy(error)) return;
    throw error;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EBUSY' || error.code === 'ENOTEMPTY');
}
