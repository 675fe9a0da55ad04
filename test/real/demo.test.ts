import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { booterTestbed, ec2Testbed, htcondorTestbed, isMissing, stopTestbeds } from '../support/testbed.ts';

const demo = resolve(import.meta.dirname, '../../scripts/demo');

async function run(args: readonly string[]): Promise<Record<string, number>> {
  const child = spawn(demo, args, { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number]>]);
  return { code, ...JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') };
}

function expectDone(last: Record<string, number>, { launchesMax, secondsMax }: Record<string, number>): void {
  expect(last).toMatchObject({ code: 0, jobs: 24, done: 24, failed: 0, left: 0 });
  expect(last.launched).toBeGreaterThan(0);
  expect(last.launched).toBeLessThanOrEqual(launchesMax ?? 0);
  expect(last.reused).toBeGreaterThan(0);
  expect(last.terminated).toBe(last.launched);
  expect(last.seconds).toBeLessThan(secondsMax ?? 0);
}

describe('scripts/demo', () => {
  it('lends at most 8 machines of this host to 24 commands, again and again, and leaves none', async () => {
    expectDone(await run([]), { launchesMax: 8, secondsMax: 90 });
  });
});

// Whether this host can have them at all; the demo starts its own.
const pool = await htcondorTestbed('can-demo');
const cloud = await ec2Testbed('can-demo');
const booter = isMissing(cloud) ? cloud : await booterTestbed('can-demo', { endpoint: cloud.endpoint });
await stopTestbeds(booter, cloud, pool);

describe.skipIf([pool, cloud, booter].some(isMissing))('scripts/demo --htcondor', () => {
  it('runs 24 jobs on at most 9 machines, uses machines again, and leaves none', async () => {
    expectDone(await run(['--htcondor']), { launchesMax: 9, secondsMax: 90 });
  });
});
