import { chmod, chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readOrNull } from '../../host/files.ts';
import type { LeaseAccess } from '../../model/lease.ts';
import type { Failures } from './retry.ts';

/**
 * What the hooks of one node know of its jobs, in files: a hook may be killed at any time, and none sees another's memory.
 *
 *   leases/JOB/   root's own: record.json; the key pair while it is made
 *   jobs/JOB/     for job_starter: `machine` (host, port, account, a line each), `known_hosts`, `key`. The folder is root's,
 *                 so that no user puts another file there; the files are the job's user's, and nobody else's to read
 *   retries/JOB   how often its prologue has failed
 */
export interface TorqueState {
  readRecord(job: string): Promise<JobRecord | null>;
  writeRecord(job: string, record: JobRecord): Promise<void>;
  /** Every job that has a record. */
  jobs(): Promise<readonly string[]>;
  /** An empty folder of root's alone, removed with the record at the latest. */
  keyFolder(job: string): Promise<string>;
  removeKeys(job: string): Promise<void>;
  publish(job: string, files: JobFiles): Promise<void>;
  unpublish(job: string): Promise<void>;
  /** The record, the keys and what was published. */
  forget(job: string): Promise<void>;
  readFailures(job: string): Promise<Failures | null>;
  /** Null: it works again. */
  writeFailures(job: string, failures: Failures | null): Promise<void>;
}

const recordSchema = z.object({
  /** Null: about to be asked for. */
  lease: z.string().nullable(),
  note: z.string(),
  script: z.string().nullable(),
  bootId: z.string(),
  /** asked: its prologue runs. ready: the job may run. over: its epilogue could not give the machine back. */
  stage: z.enum(['asked', 'ready', 'over']),
});
export type JobRecord = z.output<typeof recordSchema>;

const failuresSchema = z.object({ count: z.number(), lastAtWallMs: z.number() });

export interface JobFiles {
  readonly access: LeaseAccess & { readonly kind: 'ssh' };
  readonly privateKey: string;
  readonly uid: number;
  readonly gid: number;
}

export function openTorqueState(folder: string): TorqueState {
  const leases = join(folder, 'leases');
  const jobs = join(folder, 'jobs');
  const retries = join(folder, 'retries');
  const own = { recursive: true, mode: 0o700 } as const;

  async function write(path: string, content: object): Promise<void> {
    await writeFile(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  async function read<T>(schema: z.ZodType<T>, path: string): Promise<T | null> {
    const text = await readOrNull(path);
    if (text === null) return null;
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      return null; // cut off by a full disk: the job's leases are still found by their note
    }
  }

  async function prepare(): Promise<void> {
    // Users pass through to their own job's folder, and list nothing.
    await mkdir(jobs, { recursive: true });
    await chmod(folder, 0o711);
    await chmod(jobs, 0o711);
    await mkdir(retries, own);
    await mkdir(leases, own);
  }

  const unpublish = (job: string) => rm(join(jobs, job), { recursive: true, force: true });

  return {
    readRecord: (job) => read(recordSchema, join(leases, job, 'record.json')),
    writeRecord: async (job, record) => {
      await prepare();
      await mkdir(join(leases, job), own);
      await write(join(leases, job, 'record.json'), record);
    },
    jobs: async () => {
      await prepare();
      return await readdir(leases);
    },
    keyFolder: async (job) => {
      await prepare();
      const path = join(leases, job, 'keys');
      await rm(path, { recursive: true, force: true });
      await mkdir(path, own);
      return path;
    },
    removeKeys: (job) => rm(join(leases, job, 'keys'), { recursive: true, force: true }),
    publish: async (job, { access, privateKey, uid, gid }) => {
      await unpublish(job);
      const part = join(jobs, `.${job}.new`);
      await rm(part, { recursive: true, force: true });
      await mkdir(part);
      await chmod(part, 0o711);
      const { host, port, user, knownHosts } = access;
      const files = [
        ['key', await readFile(privateKey, 'utf8')],
        ['known_hosts', knownHosts],
        ['machine', `${host}\n${port}\n${user}\n`],
      ] as const;
      for (const [name, text] of files) {
        await writeFile(join(part, name), text, { mode: 0o400 });
        await chown(join(part, name), uid, gid);
      }
      await rename(part, join(jobs, job));
    },
    unpublish,
    forget: async (job) => {
      await unpublish(job);
      await rm(join(leases, job), { recursive: true, force: true });
    },
    readFailures: (job) => read(failuresSchema, join(retries, job)),
    writeFailures: async (job, failures) => {
      if (failures === null) return await rm(join(retries, job), { force: true });
      await prepare();
      await write(join(retries, job), failures);
    },
  };
}
