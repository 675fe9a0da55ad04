import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process that is not mistaken for a later one with the same id. */
export interface ProcessRecord {
  readonly pid: number;
  readonly startTicks: string;
}

export function recordOf(pid: number): ProcessRecord | null {
  const fields = statFields(pid);
  return fields === null ? null : { pid, startTicks: fields.startTicks };
}

/** A zombie is not alive. */
export function isAlive(record: ProcessRecord): boolean {
  const fields = statFields(record.pid);
  return fields !== null && fields.startTicks === record.startTicks && fields.state !== 'Z';
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

export function childrenOf(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  } catch {
    return [];
  }
}

/** Every process in the process-id namespace that was made for the given process's children. */
export function processesOfNamespaceBelow(pid: number): readonly number[] {
  const namespace = link(`/proc/${pid}/ns/pid_for_children`);
  if (namespace === null || namespace === link('/proc/self/ns/pid')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && link(`/proc/${name}/ns/pid`) === namespace)
    .map(Number);
}

function statFields(pid: number): { readonly state: string; readonly startTicks: string } | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The command's name is in parentheses and may hold anything: the fields are counted from its end.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTicks: fields[19] ?? '' };
}

function link(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
