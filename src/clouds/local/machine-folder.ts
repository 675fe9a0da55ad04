import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readOrNull } from '../../host/files.ts';
import { CloudError } from '../../model/errors.ts';

/**
 * One folder is one machine:
 *
 *   machine.json   the owner mark, and what the create call asked for
 *   user-data      the machine's boot data, readable by its owner only
 *   started        made by the start script, first of all: whoever makes it runs the machine, so that it runs once
 *   process        written by the start script before it becomes the boot command: pid, start time, boot of the host
 *   ending         when its end was first asked for, epoch ms
 *   boot.log       what the boot command prints
 *   work/          its home and working folder
 *
 * The folder is filled under another name and renamed into place: a machine's mark is never there in part. The machine
 * exists once `started` does.
 */
const recordSchema = z.object({
  site: z.string(),
  intent: z.string(),
  seat: z.number(),
  pool: z.string(),
  offer: z.string(),
  /** Of all that was asked for: the same create call again is told from another under the same name. */
  order: z.string(),
});
export type MachineRecord = z.output<typeof recordSchema>;

export const fileNames = {
  record: 'machine.json',
  userData: 'user-data',
  started: 'started',
  process: 'process',
  ending: 'ending',
  log: 'boot.log',
  work: 'work',
} as const;

/** What is being filled, or was when its daemon ended. */
export const asideSuffix = '.new-';

/** Fills a machine's folder and puts it in place. False: it was there already, for the same order. */
export async function makeFolder(
  folder: string,
  record: MachineRecord,
  userData: string | null,
): Promise<boolean> {
  const before = await readRecord(folder);
  if (before !== null) return sameOrder(before, record);
  const aside = await mkdtemp(`${folder}${asideSuffix}`); // mode 0700
  await mkdir(join(aside, fileNames.work), { mode: 0o700 });
  await writeFile(join(aside, fileNames.record), `${JSON.stringify(record)}\n`, { mode: 0o600 });
  if (userData !== null)
    await writeFile(join(aside, fileNames.userData), userData, { mode: 0o700, flush: true });
  try {
    await rename(aside, folder);
  } catch (error) {
    // The same call, sent again at the same time, was first.
    await rm(aside, { recursive: true, force: true });
    const first = await readRecord(folder);
    if (first === null) throw error;
    return sameOrder(first, record);
  }
  return true;
}

function sameOrder(before: MachineRecord, record: MachineRecord): false {
  if (before.order === record.order) return false;
  const message = `${record.intent} has been asked for before, with other words`;
  throw new CloudError('invalid', message, { inDoubt: true });
}

/** Null: no such machine. */
export async function readRecord(folder: string): Promise<MachineRecord | null> {
  const text = await readOrNull(join(folder, fileNames.record));
  return text === null ? null : recordSchema.parse(JSON.parse(text));
}
