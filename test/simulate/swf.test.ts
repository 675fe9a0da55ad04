import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseSwf, readTrace, TraceError } from '../../src/simulate/swf.ts';
import { formatSwf } from '../../src/simulate/swfWrite.ts';
import { completions, type Trace, type TraceJob } from '../../src/simulate/trace.ts';

const signal = new AbortController().signal;
const traces = join(import.meta.dirname, '../data/traces');

function write(trace: Pick<Trace, 'jobs' | 'header'>): string {
  return [...formatSwf(trace)].join('\n');
}

/** A line with these fields and -1 in the others. */
function line(fields: Readonly<Record<number, number | string>>): string {
  return Array.from({ length: 18 }, (_, index) => fields[index + 1] ?? -1).join(' ');
}

describe('the Standard Workload Format', () => {
  it('has a job in each line, and -1 where a value is not known', () => {
    const { jobs } = parseSwf('  7  100 5 60 4 -1 -1 8 120 2048 1 3 2 9 1 -1 6 30\n');

    expect(jobs).toEqual([
      {
        id: 7,
        submitSeconds: 0,
        waitSeconds: 5,
        runSeconds: 60,
        processors: 4,
        memoryMiB: 8,
        requestedSeconds: 120,
        user: '3',
        group: '2',
        queue: '1',
        executable: 9,
        completion: 'completed',
        precedingJob: 6,
        thinkSeconds: 30,
        nodes: null,
      },
    ]);
  });

  it('leaves out what cannot be replayed and says how much that is', () => {
    const { jobs, skipped } = parseSwf(
      [
        line({ 1: 1, 2: 0, 4: 10, 5: 1, 11: 0 }),
        line({ 1: 2, 2: 0, 4: 10, 5: 1, 11: 5 }),
        line({ 1: 3, 2: 0, 4: 0, 5: 1, 11: 5 }),
        line({ 1: 4, 2: 0, 11: 5 }),
        line({ 1: 5, 2: 0, 5: 1, 11: 1 }),
        line({ 1: 6, 2: 0, 4: 10 }),
        line({ 1: 7, 2: 0, 4: 10, 5: 1, 11: 2 }),
      ].join('\n'),
    );

    expect(jobs.map((job) => [job.id, job.completion])).toEqual([
      [1, 'failed'],
      [2, 'cancelled'],
    ]);
    expect(skipped).toEqual({ neverRan: 2, unknownRunTime: 1, noProcessors: 1, partOfJob: 1 });
  });

  it('takes the processors that were asked for where it is not known which were given', () => {
    expect(parseSwf(line({ 1: 1, 2: 0, 4: 10, 5: -1, 8: 16 })).jobs[0]?.processors).toBe(16);
  });

  it('says where a value is wrong', () => {
    const first = line({ 1: 1, 2: 0, 4: 10, 5: 1 });

    expect(() => parseSwf(`; a comment\n${first}\n${line({ 1: 2, 2: 0, 4: 'ten' })}`, 'x.swf')).toThrow(
      new TraceError('x.swf:3:4 run time: not a number: "ten"'),
    );
    expect(() => parseSwf(line({ 1: 2, 2: 0, 4: 1, 5: 1.5 }), 'x.swf')).toThrow(
      /^x\.swf:1:5 allocated processors: 1\.5 is not a whole number/,
    );
    expect(() => parseSwf('1 2 3', 'x.swf')).toThrow(/^x\.swf:1:4 run time: missing/);
    expect(() => parseSwf(line({ 1: 1, 4: 10, 5: 1 }), 'x.swf')).toThrow(/^x\.swf:1:2 submit time: unknown/);
  });

  it('puts jobs in the order of submission, from the first one on', () => {
    const { jobs, header } = parseSwf(
      [
        '; UnixStartTime: 1000000000',
        line({ 1: 1, 2: 50, 4: 1, 5: 1 }),
        line({ 1: 2, 2: 20, 4: 1, 5: 1 }),
      ].join('\n'),
    );

    expect(jobs.map((job) => [job.id, job.submitSeconds])).toEqual([
      [2, 0],
      [1, 30],
    ]);
    expect(header.startUnixSeconds).toBe(1_000_000_020);
  });

  it('knows the names of queues from the header', () => {
    const { jobs } = parseSwf(['; Queue: 1 batch', line({ 1: 1, 2: 0, 4: 1, 5: 1, 15: 1 })].join('\n'));

    expect(jobs[0]?.queue).toBe('batch');
  });
});

describe("MetaCentrum's variant", () => {
  const first = '0 1356996147 0 56011 64 1 1024 64 86400 8589934592 1 62 1 1 -1 1 1 1 {1241,1242} q_1d';

  it('says how the processors are spread, with memory in bytes for each machine', () => {
    const { jobs, header } = parseSwf(`${first} 8:ppn=8:x86_64:cl_zegox#excl`);

    expect(jobs[0]).toMatchObject({
      submitSeconds: 0,
      processors: 64,
      memoryMiB: 8 * 8192,
      queue: 'q_1d',
      nodes: [{ count: 8, processors: 8, properties: ['x86_64', 'cl_zegox'], exclusive: true }],
    });
    expect(header.startUnixSeconds).toBe(1_356_996_147);
  });

  it.each([
    ['1:ppn=60+2:ppn=2', [1, 60], [2, 2]],
    ['zewura3.example.org:ppn=64', [1, 64]],
    ['64', [64, 1]],
    ['1:ppn=64.5:brno', [1, 64]],
  ])('reads %s', (spec, ...nodes) => {
    const read = parseSwf(`${first} ${spec}`).jobs[0]?.nodes ?? [];

    expect(read.map((node) => [node.count, node.processors])).toEqual(nodes);
  });

  it('has no machines where the specification is not what the job got', () => {
    expect(parseSwf(`${first} 1:ppn=2`).jobs[0]?.nodes).toBeNull();
  });

  it('says where a specification is wrong', () => {
    expect(() => parseSwf(`${first} 1:ppn=x`, 'm.swf')).toThrow(/^m\.swf:1:21 resource specification: /);
  });
});

describe('traces in files', () => {
  it.each([
    ['nasa-ipsc-1993.swf.gz', 18_066, 173],
    ['metacentrum-wagap-2013.swf.gz', 17_898, 2],
  ])('%s has %i jobs', async (name, jobs, left) => {
    const trace = await readTrace(join(traces, name), { signal });

    expect(trace.jobs).toHaveLength(jobs);
    expect(Object.values(trace.skipped).reduce((sum, count) => sum + count)).toBe(left);
  });

  it('are the same packed and plain, wherever a chunk ends', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spillway-trace-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const text = Array.from({ length: 5000 }, (_, index) => line({ 1: index, 2: index, 4: 7, 5: 1 })).join(
      '\n',
    );
    writeFileSync(join(folder, 'a.swf'), text);
    writeFileSync(join(folder, 'a.swf.gz'), gzipSync(text));

    const plain = await readTrace(join(folder, 'a.swf'), { signal });

    expect(plain).toEqual(parseSwf(text));
    expect(await readTrace(join(folder, 'a.swf.gz'), { signal })).toEqual(plain);
  });

  it('are refused when they have too many jobs, or are no gzip', async () => {
    const path = join(traces, 'nasa-ipsc-1993.swf.gz');
    const folder = mkdtempSync(join(tmpdir(), 'spillway-trace-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'b.swf.gz'), 'plain');

    await expect(readTrace(path, { signal, jobsMax: 100 })).rejects.toThrow(/more than 100 jobs/);
    await expect(readTrace(join(folder, 'b.swf.gz'), { signal })).rejects.toThrow(
      new TraceError('b.swf.gz: not gzip, or cut off'),
    );
    await expect(readTrace(join(folder, 'c.swf'), { signal })).rejects.toThrow(/ENOENT/);
  });
});

describe('a trace that is written', () => {
  const known = fc.option(fc.nat({ max: 1_000_000 }));
  const name = fc.option(fc.oneof(fc.nat({ max: 999 }).map(String), fc.string({ minLength: 1 })));
  const job: fc.Arbitrary<TraceJob> = fc
    .record({
      id: fc.nat(),
      submitSeconds: fc.nat({ max: 10_000_000 }),
      waitSeconds: known,
      runSeconds: fc.integer({ min: 1, max: 1_000_000 }),
      processors: fc.integer({ min: 1, max: 5000 }),
      memoryMiB: fc.option(fc.integer({ min: 1, max: 1 << 30 })),
      requestedSeconds: fc.option(fc.integer({ min: 1, max: 1_000_000 })),
      user: name,
      group: name,
      queue: name,
      executable: known,
      completion: fc.constantFrom(null, ...completions),
      precedingJob: known,
      thinkSeconds: known,
      nodes: fc.constant(null),
    })
    // In the file: whole KiB for each processor.
    .map((one) => ({
      ...one,
      memoryMiB: one.memoryMiB === null ? null : (one.memoryMiB * one.processors) / 1024,
    }));
  const trace = fc.record({
    jobs: fc.array(job).map((jobs) => {
      const first = Math.min(...jobs.map((one) => one.submitSeconds));
      const started = jobs.map((one) => ({ ...one, submitSeconds: one.submitSeconds - first }));
      return started.toSorted((a, b) => a.submitSeconds - b.submitSeconds);
    }),
    header: fc.record({
      startUnixSeconds: fc.option(fc.integer({ min: 1, max: 2_000_000_000 })),
      labels: fc.constant(new Map([['Computer', 'a farm']])),
    }),
  });

  it('is read as it was', () => {
    fc.assert(
      fc.property(trace, (written) => {
        const read = parseSwf(write(written));

        expect(read.jobs).toEqual(written.jobs);
        expect(read.skipped).toEqual({ neverRan: 0, unknownRunTime: 0, noProcessors: 0, partOfJob: 0 });
        expect(read.header.labels.get('Computer')).toBe('a farm');
        if (written.jobs.length > 0)
          expect(read.header.startUnixSeconds).toBe(written.header.startUnixSeconds);
      }),
    );
  });

  it('is, of a real one, all but the machines', async () => {
    const real = await readTrace(join(traces, 'metacentrum-wagap-2013.swf.gz'), { signal });

    const again = parseSwf(write(real));

    expect(again.header.startUnixSeconds).toBe(real.header.startUnixSeconds);
    const without = (jobs: readonly TraceJob[]) =>
      jobs.map((one) => ({ ...one, memoryMiB: null, nodes: null }));
    expect(without(again.jobs)).toEqual(without(real.jobs));
    // Rounded up to whole KiB for each processor.
    const grown = again.jobs.filter((one, index) => {
      const more = (one.memoryMiB ?? 0) - (real.jobs[index]?.memoryMiB ?? 0);
      return more < 0 || more >= one.processors / 1024;
    });
    expect(grown).toEqual([]);
  });
});
