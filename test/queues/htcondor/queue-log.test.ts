import { appendFileSync, chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LogRecord, QueueLog } from '../../../src/queues/htcondor/queue-log.ts';
import { QueueTable } from '../../../src/queues/htcondor/queue-table.ts';
import { recorded } from './fake-tools.ts';

const never = new AbortController().signal;
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'queue-log-'));
  path = join(folder, 'job_queue.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const head = '107 1 CreationTimestamp 1795358282\n';
const show = ({ kind, key, name, text }: LogRecord) => [kind, key, name, text].join(' ').trim();

async function read(log: QueueLog): Promise<readonly string[]> {
  const seen: string[] = [];
  const { whole } = await log.read({}, (record) => seen.push(show(record)), never);
  return whole ? ['whole', ...seen] : seen;
}

describe('job_queue.log', () => {
  it('is told once, as it grows', async () => {
    writeFileSync(path, `${head}101 0.0 Job Machine\n103 01.-1 VMType "a b  c"\n`);
    const log = new QueueLog(path);
    expect(await read(log)).toEqual(['whole', 'new 0.0', 'set 01.-1 VMType "a b  c"']);
    expect(await read(log)).toEqual([]);
    appendFileSync(path, '104 1.0 HoldReason\n102 1.0\n');
    expect(await read(log)).toEqual(['delete 1.0 HoldReason', 'destroy 1.0']);
  });

  it('a transaction has happened when it has ended', async () => {
    writeFileSync(path, `${head}105 \n103 1.0 JobStatus 5\n`);
    const log = new QueueLog(path);
    expect(await read(log)).toEqual(['whole']);
    appendFileSync(path, '104 1.0 HoldRe');
    expect(await read(log)).toEqual([]);
    appendFileSync(path, 'ason\n106 \n103 1.1 JobStatus 2');
    expect(await read(log)).toEqual(['set 1.0 JobStatus 5', 'delete 1.0 HoldReason']);
    appendFileSync(path, '\n');
    expect(await read(log)).toEqual(['set 1.1 JobStatus 2']);
  });

  it('one that a crash has left open never happened', async () => {
    writeFileSync(path, `${head}105 \n103 1.0 JobStatus 5\n105 \n103 1.0 JobStatus 2\n106 #by hand\n`);
    expect(await read(new QueueLog(path))).toEqual(['whole', 'set 1.0 JobStatus 2']);
  });

  it.each([
    ['another number', () => writeFileSync(path, `${head.replace('107 1', '107 2')}101 0.0 Job Machine\n`)],
    ['fewer bytes', () => writeFileSync(path, `${head}102 1.0\n`)],
    [
      'another file',
      () => {
        writeFileSync(`${path}.tmp`, `${head}${'101 1.0 Job Machine\n'.repeat(3)}`);
        renameSync(`${path}.tmp`, path);
      },
    ],
  ])('written anew (%s), it is told from its beginning', async (_, rewrite) => {
    writeFileSync(path, `${head}101 1.0 Job Machine\n101 1.1 Job Machine\n`);
    const log = new QueueLog(path);
    await read(log);
    rewrite();
    expect((await read(log))[0]).toBe('whole');
  });

  it.each([
    ['text', 'It works!\n'],
    ['a record of an unknown kind', `${head}199 1.0 x\n`],
    ['bytes', `${head}\u{0}\u{1}\n`],
  ])('what is no such log (%s) is malformed', async (_, text) => {
    writeFileSync(path, text);
    await expect(read(new QueueLog(path))).rejects.toMatchObject({ code: 'malformed' });
  });

  it('a log that is not there is unavailable, and may come', async () => {
    const log = new QueueLog(path);
    await expect(read(log)).rejects.toMatchObject({ code: 'unavailable' });
    writeFileSync(path, head);
    expect(await read(log)).toEqual(['whole']);
  });

  it.skipIf(process.getuid?.() === 0)('one that may not be read is denied', async () => {
    writeFileSync(path, head);
    chmodSync(path, 0);
    await expect(read(new QueueLog(path))).rejects.toMatchObject({ code: 'denied' });
  });

  it('no line of it is in a message', async () => {
    writeFileSync(path, `${head}103 1.0 ClaimId "secret-4711"\nsecret-4711\n`);
    await expect(read(new QueueLog(path))).rejects.not.toThrow(/secret/);
  });

  it('however it grows, it comes to the same', async () => {
    const text = Buffer.from(recordedLog());
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 12 }), async (cuts) => {
        const log = new QueueLog(path);
        const table = tableOf();
        writeFileSync(path, head);
        let from = 0;
        for (const to of [...cuts.toSorted((a, b) => a - b), text.length]) {
          appendFileSync(path, text.subarray(from, to));
          from = to;
          await log.read({ begin: table.begin }, table.take, never);
        }
        rmSync(path);
        expect(summaryOf(table)).toEqual(await wholeSummary(text));
      }),
      { numRuns: 30 },
    );
  });
});

const words = new Set(['VMType', 'JobUniverse', 'RequestCpus', 'JobPrio', 'Note']);
const tableOf = () => new QueueTable((name) => words.has(name));

function summaryOf(table: QueueTable) {
  const { jobs, counts } = table.read();
  const classes = jobs.all().map(({ lines, tallies }) => {
    const shown = [...tallies].map(([priority, { count, samples }]) =>
      [priority, count, ...samples].join(' '),
    );
    return `${lines.join('; ')} | ${shown.join(', ')}`;
  });
  return { counts, classes: classes.toSorted() };
}

async function wholeSummary(text: Buffer) {
  const own = `${path}.whole`;
  writeFileSync(own, head);
  appendFileSync(own, text);
  const table = tableOf();
  await new QueueLog(own).read({ begin: table.begin }, table.take, never);
  return summaryOf(table);
}

/** A recorded log of 23.9.6, without its head, with what happens to jobs afterwards and letters of two bytes. */
function recordedLog(): string {
  const recording = recorded('job_queue.log');
  const after = [
    '105 \n103 2.0 JobStatus 5\n103 2.0 HoldReason "für später"\n106 \n',
    '105 \n103 2.1 JobStatus 2\n106 \n103 2.1 ImageSize 4711\n',
    '105 \n103 2.0 JobStatus 1\n104 2.0 HoldReason\n103 2.0 Note "später ☃"\n106 \n',
    '105 \n103 2.2 JobStatus 3\n102 2.2\n106 \n',
  ];
  return recording.slice(recording.indexOf('\n') + 1) + after.join('');
}

describe('the queue as the log tells it', () => {
  it('jobs have what their cluster says, and may say otherwise', async () => {
    const table = tableOf();
    writeFileSync(path, head + recordedLog());
    await new QueueLog(path).read({ begin: table.begin }, table.take, never);
    expect(summaryOf(table)).toEqual({
      counts: { waiting: 4, running: 1, held: 0 },
      classes: [
        'JobUniverse = 5; Note = "später ☃"; RequestCpus = 1 + (ProcId % 2); VMType = "norm" | 0 1 2.0',
        'JobUniverse = 5; RequestCpus = 1; VMType = "late" | 0 3 1.0 1.1 1.2',
      ],
    });
  });

  it('jobs of other universes, of sets and of owners are none', async () => {
    const table = tableOf();
    const ad = (cluster: number, universe: number) =>
      `101 0${cluster}.-1 Job Machine\n103 0${cluster}.-1 JobUniverse ${universe}\n101 ${cluster}.0 Job Machine\n103 ${cluster}.0 JobStatus 1\n`;
    const others =
      '101 0.2 Owner (empty)\n103 0.2 JobStatus 1\n101 7.-2 (empty) (empty)\n103 7.-2 JobStatus 1\n';
    writeFileSync(path, head + ad(1, 7) + ad(2, 9) + ad(3, 12) + ad(4, 5) + others);
    await new QueueLog(path).read({ begin: table.begin }, table.take, never);
    expect(summaryOf(table)).toMatchObject({ counts: { waiting: 1 } });
  });

  it('what running jobs write of themselves changes nothing', () => {
    const table = tableOf();
    const set = (name: string, text: string) => table.take({ kind: 'set', key: '1.0', name, text });
    set('JobStatus', '2');
    const { version } = table;
    set('ImageSize', '17');
    set('JobStatus', '2');
    expect(table.version).toBe(version);
  });
});
