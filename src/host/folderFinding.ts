import type { CheckFinding } from '../model/check.ts';
import { mayWrite, nearestFolder } from './files.ts';

/** Whether a folder is there, or can be made, and may be written by who asks: the daemon may be another user. */
export async function folderFinding(folder: string): Promise<CheckFinding> {
  const there = await nearestFolder(folder);
  const what =
    there === folder ? `the folder ${folder}` : `${there}, where the folder ${folder} would be made,`;
  const isOurs = await mayWrite(there);
  if (isOurs) return { verdict: 'ok', message: `${what} may be written` };
  return { verdict: 'error', message: `${what} may not be written by who asks, or is no folder` };
}
