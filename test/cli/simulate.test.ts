import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProgressLine } from '../../src/cli/progress.ts';
import type { SeedReport } from '../../src/simulate/run.ts';
import { traceSite } from '../../src/simulate/traceSite.ts';
import { cli } from '../support/runCli.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-simulate-'));
  writeFileSync(join(folder, 'two.swf'), `; Computer: none\n${twoJobs}`);
  writeFileSync(join(folder, 'two.swf.gz'), gzipSync(twoJobs));
  writeFileSync(join(folder, 'bad.swf'), '; none\n1 0 -1 ten 1 -1 -1 1 -1 -1 1 1 1 -1 -1 -1 -1 -1\n');
  writeFileSync(join(folder, 'empty.swf'), '; none\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const twoJobs =
  '1 0 -1 600 1 -1 -1 1 -1 -1 1 1 1 -1 -1 -1 -1 -1\n2 60 -1 600 2 -1 -1 2 -1 -1 1 1 1 -1 -1 -1 -1 -1\n';

const simulate = (...args: string[]) => cli(['simulate', '--trace', ...args], { cwd: folder });

const fields = [
  'seed',
  'jobs',
  'done',
  'waitMeanSeconds',
  'waitP95Seconds',
  'slowdownMean',
  'cost',
  'objective',
  'oracleCost',
  'oracleWaitMeanSeconds',
  'oracleObjective',
  'launches',
  'terminations',
  'apiCalls',
  'thrash',
  'jobsKilled',
  'violations',
];

test('one JSON object a line for each seed, with every field', async () => {
  const { code, stdout, stderr } = await simulate('two.swf.gz', '--seeds', '4..5', '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const reports = stdout
    .trimEnd()
    .split('\n')
    .map((line): SeedReport => JSON.parse(line));
  expect(reports.map(({ seed }) => seed)).toEqual([4, 5]);
  for (const report of reports) {
    expect(Object.keys(report)).toEqual(expect.arrayContaining(fields));
    expect(report).toMatchObject({ jobs: 2, done: 2, jobsKilled: 0, violations: [] });
  }
});

test('a table with units for people', async () => {
  const { code, stdout } = await simulate('two.swf', '--price', '1', '--idle', '3m');
  expect(code).toBe(0);
  expect(stdout).toContain('2 of 2 done');
  expect(stdout).toMatch(/wait +\d+\.\d s on average/);
  expect(stdout).toMatch(/cost and wait +\d+\.\d\d, \d\.\d{3} × of the oracle/);
});

test('a site’s own pools and prices, with simulated clouds and queues', async () => {
  const farm = { machineCpus: 4, machineMemoryMiB: null, pricePerCoreHour: 2, min: 0, max: 3, idleMs: null };
  const config = await traceSite({ ...farm, isQuiet: true });
  const loadSite = async () => ({ config, problems: [] });
  const given = { cwd: folder, loadSite };
  const ran = await cli(['simulate', '--trace', 'two.swf', '--config', 'site.yaml', '--json'], given);
  expect(ran.code).toBe(0);
  expect(JSON.parse(ran.stdout)).toMatchObject({ jobs: 2, done: 2, launches: 1, busyCost: 1 });
  const other = ['simulate', '--trace', 'two.swf', '--config', 'site.yaml', '--queue', 'x'];
  expect(await cli(other, given)).toMatchObject({
    code: 2,
    stderr: 'spillway: site.yaml has no queue x: batch\n',
  });
});

test.each([
  [['bad.swf'], 2, 'bad.swf:2:4 run time: not a number: "ten"'],
  [['empty.swf'], 2, 'empty.swf: no job to replay'],
  [['none.swf'], 2, 'none.swf: there is no such file'],
  [['two.swf', '--from', '1d'], 2, 'two.swf: no job to replay'],
  [['two.swf', '--seeds', '5..4'], 2, 'It ends before it begins.'],
  [['two.swf', '--boot', '180'], 2, '180 has no unit'],
  [['two.swf', '--policy', 'best'], 2, 'Allowed choices are spillway, fixed, static, threshold, oracle.'],
] as const)('%j is refused', async (args, code, message) => {
  const ran = await simulate(...args);
  expect(ran.code).toBe(code);
  expect(ran.stderr).toContain(message);
  expect(ran.stdout).toBe('');
});

test('interrupted, it says what was done so far', async () => {
  const abort = new AbortController();
  abort.abort();
  const ran = await cli(['simulate', '--trace', 'two.swf', '--json'], { cwd: folder, signal: abort.signal });
  expect(ran.code).toBe(130);
});

test('progress is one line that changes on a terminal, and a line now and then elsewhere', () => {
  let nowMs = 0;
  const written: string[] = [];
  const sink = (isTTY: boolean) => ({ isTTY, write: (text: string) => void written.push(text) });
  const terminal = createProgressLine(sink(true), () => nowMs);
  const file = createProgressLine(sink(false), () => nowMs);
  for (nowMs = 0; nowMs <= 10_000; nowMs += 5000) {
    terminal.show(() => `t${nowMs}`);
    file.show(() => `f${nowMs}`);
  }
  terminal.clear();
  file.clear();
  expect(written).toEqual(['\r\u001b[2Kt5000', '\r\u001b[2Kt10000', 'f10000\n', '\r\u001b[2K']);
});
