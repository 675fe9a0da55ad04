import { describe, expect, test } from 'vitest';
import type { HealthView } from '../../src/api/observing.ts';
import { createPulse } from '../../src/daemon/pulse.ts';
import { cloudRefuses } from '../../src/simulate/simulatedCloud.ts';
import { queueFails } from '../../src/simulate/simulatedQueue.ts';
import { StoreError } from '../../src/store/port.ts';
import { startSite } from '../support/scenes.ts';

const wrong = ({ checks }: HealthView) =>
  Object.fromEntries(checks.flatMap(({ name, why }) => (why === null ? [] : [[name, why]])));

describe('the pulse', () => {
  test('is good until the next tick has been due for half a minute', () => {
    const pulse = createPulse();
    expect(pulse.trouble(1000)).toBe('the loop has not begun');
    pulse.ticked(1000, 300_000);
    expect(pulse.trouble(301_000)).toBeNull();
    expect(pulse.overdueMs(301_000)).toBe(0);
    expect(pulse.trouble(331_000)).toBeNull();
    expect(pulse.trouble(332_000)).toBe('the next tick has been due for 31 s');
    pulse.ticked(332_000, 1000);
    expect(pulse.trouble(333_000)).toBeNull();
  });

  test('of a loop that has ended is good while another may take over, and no longer', () => {
    const pulse = createPulse();
    pulse.ticked(1000, 300_000);
    pulse.over(5000);
    expect(pulse.trouble(35_000)).toBeNull();
    expect(pulse.trouble(36_000)).toBe('the loop ended 31 s ago');
  });
});

describe('a daemon', () => {
  test('is well and ready once it has seen everything', async () => {
    const site = startSite();
    expect(wrong(site.control.readiness())).toEqual({
      'queue batch': 'not seen yet',
      'cloud east': 'not seen yet',
    });
    await site.run(20_000);
    expect(site.control.health()).toEqual({ ok: true, checks: [{ name: 'loop', ok: true, why: null }] });
    expect(site.control.readiness()).toEqual({
      ok: true,
      checks: ['loop', 'store', 'queue batch', 'cloud east'].map((name) => ({ name, ok: true, why: null })),
    });
  });

  test('whose queue is silent is well, and not ready', async () => {
    const site = startSite();
    await site.run(20_000);
    site.queue.levers.fault = () => queueFails('unavailable');
    await site.run(120_000);
    expect(Object.keys(wrong(site.control.readiness()))).toEqual(['queue batch']);
    expect(site.control.readiness().ok).toBe(false);
    expect(site.control.health().ok).toBe(true);
    site.queue.levers.fault = () => null;
    await site.run(20_000);
    expect(site.control.readiness().ok).toBe(true);
  });

  test('whose cloud hangs is well, and not ready', async () => {
    const site = startSite();
    await site.run(20_000);
    site.cloud.levers.fault = () => ({ kind: 'hang' });
    await site.run(120_000);
    expect(Object.keys(wrong(site.control.readiness()))).toEqual(['cloud east']);
    expect(site.control.health().ok).toBe(true);
  });

  test('one failed look is no trouble', async () => {
    const site = startSite();
    await site.run(20_000);
    site.cloud.levers.fault = () => cloudRefuses('unavailable');
    await site.run(11_000);
    expect(site.control.readiness().ok).toBe(true);
  });

  test('whose disk is full is not ready, and is again when there is room', async () => {
    const site = startSite();
    await site.run(20_000);
    const full = new StoreError('full', 'no room on the disk');
    const commit = site.store.commit.bind(site.store);
    let fails = true;
    Object.assign(site.store, {
      commit: (batch: Parameters<typeof commit>[0]) => {
        if (fails) throw full;
        commit(batch);
      },
    });
    expect(wrong(site.control.readiness())).toEqual({ store: 'full: no room on the disk' });
    fails = false;
    await site.run(2000);
    expect(site.control.readiness().ok).toBe(true);
  });

  test('tries the store seldom, and leaves it as it was', async () => {
    const site = startSite();
    await site.run(20_000);
    const before = site.store.load();
    for (let n = 0; n < 50; n++) site.control.readiness();
    const after = site.store.load();
    expect({ ...after, nowMs: 0 }).toEqual({ ...before, nowMs: 0 });
  });

  test('whose loop no longer ticks says so', async () => {
    const site = startSite();
    await site.run(20_000);
    // Nothing that it waits for ever comes, as where a loop hangs.
    const { control } = site;
    site.kill();
    await site.run(400_000);
    expect(control.health().ok).toBe(false);
    expect(wrong(control.health()).loop).toMatch(/^the next tick has been due for \d+ s$/);
  });

  test('that has stopped says so', async () => {
    const site = startSite();
    await site.run(20_000);
    const { control } = site;
    await site.stop();
    await site.run(60_000);
    expect(wrong(control.health()).loop).toMatch(/^the loop ended \d+ s ago$/);
  });
});
