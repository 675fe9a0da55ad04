import type { ConfigFiles } from './files.ts';

export interface RecordedFiles {
  /** Reads, and remembers what was read. */
  readonly files: ConfigFiles;
  /** What was read then; what was not is read now. */
  readonly again: ConfigFiles;
}

/** Lets a config be read a second time as it was the first, whatever has been written into its files since. */
export function recordFiles(source: ConfigFiles): RecordedFiles {
  const seen = new Map<string, ReturnType<ConfigFiles['read']>>();
  const read: ConfigFiles['read'] = (path, bytesMax) => {
    const reading = source.read(path, bytesMax);
    // Whoever reads it hears of the failure.
    reading.catch(() => {});
    seen.set(path, reading);
    return reading;
  };
  return {
    files: { read },
    again: { read: (path, bytesMax) => seen.get(path) ?? source.read(path, bytesMax) },
  };
}
