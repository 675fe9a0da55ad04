import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { booterTestbed, ec2Testbed, htcondorTestbed, isMissing, stopTestbeds } from '../support/testbed.ts';

const demo = resolve(import.meta.dirname, '../../scripts/demo');

// Whether this host can have them at all; the demo starts its own.
const pool = await htcondorTestbed('can-demo');
const cloud = await ec2Testbed('can-demo');
const booter = isMissing(cloud) ? cloud : await booterTestbed('can-demo', { endpoint: cloud.endpoint });
await stopTestbeds(booter, cloud, pool);

describe.skipIf([pool, cloud, booter].some(isMissing))('scripts/demo', () => {
  it('runs 24 jobs on at most 9 machines, uses machines again, and leaves none', async () => {
    const child = spawn(demo, { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
    const [output, [code]] = await Promise.all([
      text(child.stdout),
      once(child, 'close') as Promise<[number]>,
    ]);
    const last = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Record<string, number>;
    expect({ code, ...last }).toMatchObject({ code: 0, jobs: 24, done: 24, failed: 0, left: 0 });
    expect(last.launched).toBeGreaterThan(0);
    expect(last.launched).toBeLessThanOrEqual(9);
    expect(last.reused).toBeGreaterThan(0);
    expect(last.terminated).toBe(last.launched);
    expect(last.seconds).toBeLessThan(90);
  });
});
