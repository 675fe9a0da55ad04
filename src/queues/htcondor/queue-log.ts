import { type FileHandle, open } from 'node:fs/promises';
import { QueueError } from '../../model/errors.ts';

/** One change of the queue, as a record of job_queue.log tells it. */
export interface LogRecord {
  readonly kind: 'new' | 'destroy' | 'set' | 'delete';
  /** `12.3` a job, `012.-1` what all jobs of cluster 12 share; others are headers, owners, sets. */
  readonly key: string;
  /** Of `set` and `delete`. */
  readonly name: string;
  /** Of `set`: the expression in old syntax. */
  readonly text: string;
}

export interface LogReading {
  /** The file is another than before, or this is the first reading: what is known from before does not count. */
  readonly whole: boolean;
}

const chunkBytes = 1024 * 1024;
/** A queue of 1,000,000 jobs that has not been compacted for long. */
const logBytesMax = 2 * 1024 * 1024 * 1024;
/** One attribute. */
const lineBytesMax = 16 * 1024 * 1024;

const kinds: ReadonlyMap<string, LogRecord['kind']> = new Map([
  ['101', 'new'],
  ['102', 'destroy'],
  ['103', 'set'],
  ['104', 'delete'],
]);

/**
 * The schedd's job_queue.log, read as it grows. Its form is no documented interface, but HTCondor's own job router reads it in
 * the same way. One record a line: 101 new ad, 102 destroyed, 103 attribute set, 104 attribute deleted, 105 and 106 begin
 * and end of a transaction, 107 a number that rises whenever the schedd writes the file anew (at its start, and every
 * QUEUE_CLEAN_INTERVAL). Only what lies between a whole pair of 105 and 106, or outside of any, has happened: a block
 * or a line that is not complete is read again the next time.
 *
 * The lines may hold secrets of the jobs: none is ever part of a message.
 */
export class QueueLog {
  readonly path: string;
  private head = '';
  private inode = 0n;
  /** Everything before it has been told. */
  private offset = 0;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Tells what has happened since the last reading, in order; `begin` is called first. With `skip` a file that is new is
   * not told but left behind. QueueError `denied` where this user may not read it, `unavailable` where it is not there,
   * `malformed` for anything that is no such log.
   */
  async read(
    { skip = false, begin }: { readonly skip?: boolean; readonly begin?: (reading: LogReading) => void },
    onRecord: (record: LogRecord) => void,
    signal: AbortSignal,
  ): Promise<LogReading> {
    const file = await open(this.path, 'r').catch((cause: NodeJS.ErrnoException) => {
      const denied = cause.code === 'EACCES' || cause.code === 'EPERM';
      throw new QueueError(denied ? 'denied' : 'unavailable', `${this.path}: ${cause.code}`, { cause });
    });
    try {
      const { size, ino } = await file.stat({ bigint: true });
      const head = await headOf(file);
      const whole = head !== this.head || ino !== this.inode || size < BigInt(this.offset);
      if (whole) this.offset = 0;
      // Where a reading fails halfway, the next is a whole one.
      this.head = '';
      begin?.({ whole });
      if (whole && skip) this.offset = Number(size);
      else await this.tell(file, Number(size), onRecord, signal);
      this.head = head;
      this.inode = ino;
      return { whole };
    } finally {
      await file.close();
    }
  }

  private async tell(
    file: FileHandle,
    size: number,
    onRecord: (record: LogRecord) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (size - this.offset > logBytesMax)
      throw new QueueError('malformed', `${this.path}: more than ${logBytesMax} bytes`);
    const block = new Block(onRecord);
    let buffer = Buffer.allocUnsafe(chunkBytes);
    let [at, carried] = [this.offset, 0];
    while (at < size) {
      if (signal.aborted) throw new QueueError('timeout', `${this.path}: given up`, { cause: signal.reason });
      if (carried === buffer.length) buffer = this.grown(buffer);
      const { bytesRead } = await file.read(
        buffer,
        carried,
        Math.min(buffer.length - carried, size - at),
        at,
      );
      if (bytesRead === 0) break;
      at += bytesRead;
      const filled = carried + bytesRead;
      const end = buffer.subarray(0, filled).lastIndexOf(0x0a) + 1;
      const lines = buffer.toString('utf8', 0, Math.max(0, end - 1)).split('\n');
      let opened = block.open ? 0 : lines.length;
      const wasOpen = block.open;
      for (const [index, line] of lines.entries()) {
        if (end > 0 && !block.take(line))
          throw new QueueError('malformed', `${this.path}: not a job queue log`);
        if (!block.open) opened = lines.length;
        else if (opened === lines.length) opened = index;
      }
      buffer.copy(buffer, 0, end, filled);
      carried = filled - end;
      // What is open yet is read again; one that was open before stays where it began.
      const open = lines.slice(opened).reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 0);
      if (!(wasOpen && opened === 0)) this.offset = at - carried - open;
    }
  }

  private grown(buffer: Buffer): Buffer<ArrayBuffer> {
    if (buffer.length >= lineBytesMax)
      throw new QueueError('malformed', `${this.path}: a line of more than ${lineBytesMax} bytes`);
    return Buffer.concat([buffer, Buffer.allocUnsafe(buffer.length)]);
  }
}

/** Holds the records of a transaction back until it has ended. */
class Block {
  private readonly onRecord: (record: LogRecord) => void;
  private held: LogRecord[] = [];
  open = false;

  constructor(onRecord: (record: LogRecord) => void) {
    this.onRecord = onRecord;
  }

  /** False for a line that is no record. */
  take(line: string): boolean {
    const operation = line.slice(0, 3);
    const kind = kinds.get(operation);
    if (kind !== undefined) {
      const record = recordOf(kind, line);
      if (this.open) this.held.push(record);
      else this.onRecord(record);
      return true;
    }
    if (operation === '105') {
      this.open = true;
      // A transaction that was begun anew has never ended: a crash of the schedd.
      this.held = [];
    } else if (operation === '106') {
      this.open = false;
      const held = this.held;
      this.held = [];
      for (const record of held) this.onRecord(record);
    } else return operation === '107' || line === '';
    return true;
  }
}

function recordOf(kind: LogRecord['kind'], line: string): LogRecord {
  const afterKey = line.indexOf(' ', 4);
  if (kind === 'new' || kind === 'destroy' || afterKey < 0)
    return {
      kind,
      key: afterKey < 0 ? line.slice(4).trimEnd() : line.slice(4, afterKey),
      name: '',
      text: '',
    };
  const key = line.slice(4, afterKey);
  const afterName = line.indexOf(' ', afterKey + 1);
  if (afterName < 0) return { kind, key, name: line.slice(afterKey + 1).trimEnd(), text: '' };
  return { kind, key, name: line.slice(afterKey + 1, afterName), text: line.slice(afterName + 1) };
}

/** Its first line: the number of this writing, and when it was begun. */
async function headOf(file: FileHandle): Promise<string> {
  const buffer = Buffer.alloc(64);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  const text = buffer.toString('latin1', 0, bytesRead);
  return text.slice(0, text.indexOf('\n') + 1) || text;
}
