import { chmod, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ReportMessage } from '../model/accounting.ts';

/**
 * Puts messages into a directory queue, as `ssmsend` empties one: files of 14 hexadecimal digits in folders of 8. A message
 * is written and synced under another name, noted as on its way, renamed, and forgotten. Whoever finds a note after a crash
 * knows by the other name what happened: it is there, or the message has been put in place and may have been sent since.
 */
export interface Outbox {
  messages(): readonly ReportMessage[];
  placing(name: string, folder: string | null): void;
  placed(name: string): void;
}

export interface Placed {
  readonly messages: number;
  readonly records: number;
}

/** Throws Node's errors of the file system; what was not put in place stays in the outbox. */
export async function placeMessages(outbox: Outbox, folder: string): Promise<Placed> {
  let placed: Placed = { messages: 0, records: 0 };
  for (const message of outbox.messages()) {
    if (message.folder === null) await begin(outbox, message, folder);
    await finish(message, message.folder ?? folder);
    outbox.placed(message.name);
    placed = { messages: placed.messages + 1, records: placed.records + message.records };
  }
  return placed;
}

/** The queue's own tools look at names of 8 digits only. */
const asideOf = (folder: string, name: string) => join(folder, `.spillway-${name.replace('/', '-')}`);

async function begin(outbox: Outbox, { name, text }: ReportMessage, folder: string): Promise<void> {
  // One that is not there is a mistake, or not mounted.
  await lstat(folder);
  const aside = asideOf(folder, name);
  await rm(aside, { force: true });
  const file = await open(aside, 'wx', 0o600);
  try {
    await file.writeFile(text);
    // Who sends it is another user of the folder's group, and links it: the kernel asks for both rights.
    await file.chmod(0o660);
    await file.sync();
  } finally {
    await file.close();
  }
  await sync(folder);
  outbox.placing(name, folder);
}

async function finish({ name }: ReportMessage, folder: string): Promise<void> {
  // A folder that is not there says nothing of what was in it.
  await lstat(folder);
  const to = join(folder, name);
  // The queue's tools remove folders that are empty, so they are made just before.
  const made = await mkdir(dirname(to), { recursive: true });
  if (made !== undefined) await chmod(made, 0o770);
  try {
    await rename(asideOf(folder, name), to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    return; // it was renamed before
  }
  await sync(dirname(to));
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
