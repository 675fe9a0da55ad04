import { expect, it } from 'vitest';
import { run } from '../../bench/many.ts';

it('launches 300 machines with three create calls, and lists them with one call a cycle', async () => {
  const { calls, pollMs, seconds } = await run();
  expect(calls.RunInstances).toBe(3);
  // A list may be hurried to a fifth of its period, where something has just been made or ended.
  expect(calls.DescribeInstances ?? 0).toBeLessThanOrEqual(Math.ceil((seconds * 1000) / (pollMs / 5)) + 1);
}, 60_000);
