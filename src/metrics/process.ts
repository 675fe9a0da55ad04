import { readdirSync } from 'node:fs';

/** What the host says of this process. */
export interface ProcessFigures {
  readonly residentBytes: number;
  /** User and system, since it began. */
  readonly cpuSeconds: number;
  /** Null on a host that does not tell. */
  readonly openFiles: number | null;
}

export function readProcess(): ProcessFigures {
  const { user, system } = process.cpuUsage();
  return {
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1_000_000,
    openFiles: countOpenFiles(),
  };
}

function countOpenFiles(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}
