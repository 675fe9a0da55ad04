import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The machines as this host shows them: their folders, and the processes that bear their mark. Not what the daemon says. */
export interface MachineWatch {
  /** Looks; machines that come and go between two looks are missed. */
  look(): void;
  counts(): { readonly launched: number; readonly terminated: number; readonly left: number };
}

export function watchMachines(folder: string): MachineWatch {
  const seen = new Set<string>();
  let there = new Set<string>();
  return {
    look: () => {
      there = new Set([...foldersIn(folder), ...markedProcesses(folder)]);
      for (const name of there) seen.add(name);
    },
    counts: () => ({ launched: seen.size, terminated: seen.size - there.size, left: there.size }),
  };
}

function foldersIn(folder: string): readonly string[] {
  try {
    return readdirSync(join(folder, 'demo')).filter((name) => !name.includes('.'));
  } catch {
    return []; // before the first machine
  }
}

function markedProcesses(folder: string): readonly string[] {
  const mark = `SPILLWAY_FOLDER=${join(folder, 'demo')}/`;
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      const found = environment.find((entry) => entry.startsWith(mark));
      return found === undefined ? [] : [found.slice(mark.length)];
    } catch {
      return []; // it has ended, or is somebody else's
    }
  });
}
