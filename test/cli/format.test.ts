import { expect, test } from 'vitest';
import { ago, counted, resources, since, size, span, timestamp } from '../../src/cli/format.ts';

test.each([
  [-5, '0s'],
  [0, '0s'],
  [340, '340ms'],
  [1_999, '1s'],
  [61_500, '1m1s'],
  [7_500_000, '2h5m'],
  [3_600_000, '1h'],
  [356_400_000, '4d3h'],
])('a span of %i ms is %s', (ms, text) => {
  expect(span(ms)).toBe(text);
});

test('moments', () => {
  expect(ago(null)).toBe('never');
  expect(ago(3_000)).toBe('3s ago');
  expect(since(null, 5)).toBe('-');
  expect(since(1_000, 61_000)).toBe('1m');
  expect(timestamp(0)).toBe('1970-01-01 00:00:00Z');
  expect(timestamp(Date.UTC(2026, 11, 31, 23, 59, 59, 999))).toBe('2026-12-31 23:59:59Z');
});

test('amounts', () => {
  expect([size(700), size(1024), size(1536), size(2 ** 21)]).toEqual([
    '700 MiB',
    '1 GiB',
    '1.5 GiB',
    '2 TiB',
  ]);
  expect([counted(0, 'job'), counted(1, 'job'), counted(2, 'entry', 'entries')]).toEqual([
    '0 jobs',
    '1 job',
    '2 entries',
  ]);
  expect(resources({ cpus: 1, memoryMiB: 2048, diskMiB: 512, gpus: 2 })).toBe(
    '1 CPU, 2 GiB memory, 512 MiB disk, 2 GPUs',
  );
});
