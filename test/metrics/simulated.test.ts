import { describe, expect, test } from 'vitest';
import { declared } from '../../src/metrics/declared.ts';
import { createMetrics, type Metrics } from '../../src/metrics/metrics.ts';
import { cloudRefuses } from '../../src/simulate/simulatedCloud.ts';
import type { SimulatedSite, SiteOptions } from '../../src/simulate/simulatedSite.ts';
import { metricLines, metricNames } from '../support/metricLines.ts';
import { startSite } from '../support/scenes.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';

function measuredSite(options: Partial<SiteOptions> = {}): { site: SimulatedSite; metrics: Metrics } {
  const metrics = createMetrics(0);
  return { site: startSite({ metrics, ...options }), metrics };
}

const read = async (site: SimulatedSite) => metricLines(await site.control.metrics());

describe('what a simulated site shows', () => {
  test('every metric that is declared, and no other', async () => {
    const { site } = measuredSite();
    await site.run(20_000);
    const names = metricNames(await site.control.metrics());
    expect(names.toSorted()).toEqual(
      Object.values(declared)
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  test('a job, from the view that first shows it to its machine', async () => {
    const { site } = measuredSite();
    await site.run(30_000);
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 600_000 });
    await site.runUntil(() => job?.state === 'running', { withinMs: 300_000, what: 'it runs' });
    await site.run(20_000);
    const shown = await read(site);
    const of = (name: string) => shown.get(`${name}{pool="pool",cloud="east"}`);
    expect(of('spillway_job_to_create_seconds_count')).toBe(1);
    expect(of('spillway_job_to_free_seconds_count')).toBe(1);
    expect(of('spillway_job_to_busy_seconds_count')).toBe(1);
    const [create = -1, free = -1, busy = -1] = ['create', 'free', 'busy'].map((what) =>
      of(`spillway_job_to_${what}_seconds_sum`),
    );
    expect(create).toBeLessThan(1);
    expect(free).toBeGreaterThan(create);
    expect(busy).toBeGreaterThanOrEqual(free);
    expect(shown.get('spillway_jobs{queue="batch",state="running"}')).toBe(1);
    expect(shown.get('spillway_instances{pool="pool",cloud="east",phase="claimed"}')).toBe(1);
    expect(shown.get('spillway_instances_launched_total{pool="pool",cloud="east",offer="small"}')).toBe(1);
    expect(shown.get('spillway_cloud_calls_total{cloud="east",call="launch",code="ok"}')).toBe(1);
    expect(shown.get('spillway_workers{queue="batch",whose="ours"}')).toBe(1);
    expect(shown.get('spillway_mode{mode="running"}')).toBe(1);
  });

  test('a cloud that refuses: calls by code, offers set aside, jobs without a machine', async () => {
    const { site } = measuredSite();
    site.cloud.levers.fault = (call) => (call === 'launch' ? cloudRefuses('capacity') : null);
    site.queue.submit(makeJobClass(), { count: 3, runMs: 60_000 });
    await site.run(25_000);
    const shown = await read(site);
    expect(shown.get('spillway_cloud_calls_total{cloud="east",call="launch",code="capacity"}')).toBe(
      site.cloud.calls.launch,
    );
    expect(shown.get('spillway_offer_set_aside{cloud="east",offer="small",code="capacity"}')).toBe(1);
    expect(shown.get('spillway_jobs_unmet{queue="batch",code="setAside"}')).toBe(3);
    expect(
      shown.get('spillway_instances_ended_total{pool="pool",cloud="east",reason="refused"}'),
    ).toBeGreaterThan(0);
    site.cloud.levers.fault = () => null;
    await site.run(300_000);
    const later = await read(site);
    expect(later.has('spillway_offer_set_aside{cloud="east",offer="small",code="capacity"}')).toBe(false);
    expect(later.has('spillway_jobs_unmet{queue="batch",code="setAside"}')).toBe(false);
  });

  test('a cloud that is silent: a call that is given up at its deadline, and the age of the last list', async () => {
    const { site } = measuredSite();
    await site.run(20_000);
    site.cloud.levers.fault = () => ({ kind: 'hang' });
    await site.run(100_000);
    const shown = await read(site);
    expect(shown.get('spillway_cloud_up{cloud="east"}')).toBe(0);
    expect(shown.get('spillway_queue_up{queue="batch"}')).toBe(1);
    expect(shown.get('spillway_cloud_list_age_seconds{cloud="east"}')).toBeGreaterThanOrEqual(90);
    expect(shown.get('spillway_cloud_calls_total{cloud="east",call="list",code="timeout"}')).toBeGreaterThan(
      1,
    );
    const slow = shown.get('spillway_cloud_call_duration_seconds_bucket{le="10",cloud="east",call="list"}');
    const all = shown.get('spillway_cloud_call_duration_seconds_count{cloud="east",call="list"}');
    expect(slow).toBeLessThan(all ?? 0);
  });

  test('money: spent, the rate, and what is left of a budget', async () => {
    const { site } = measuredSite({
      offers: [makeOffer({ name: 'small', perHour: 6 })],
      budgets: [{ scope: { kind: 'site' }, per: 'day', amount: 100, currency: 'USD' }],
    });
    site.queue.submit(makeJobClass(), { count: 2, runMs: 3_600_000 });
    await site.run(600_000);
    const shown = await read(site);
    expect(shown.get('spillway_money_rate_per_hour{pool="pool",cloud="east",currency="USD"}')).toBe(12);
    const spent = shown.get('spillway_money_spent{scope="site",pool="",per="day",currency="USD"}') ?? 0;
    expect(spent).toBeCloseTo(2, 0);
    const committed = shown.get('spillway_budget_committed{scope="site",pool="",per="day",currency="USD"}');
    const left = shown.get('spillway_budget_left{scope="site",pool="",per="day",currency="USD"}');
    expect(left).toBeCloseTo(100 - spent - (committed ?? 0), 6);
    expect(shown.get('spillway_budgets_used_up')).toBe(0);
  });

  test('what is counted is what the status says, whatever goes wrong meanwhile', async () => {
    const { site } = measuredSite({ pools: [makePool({ offers: ['small'], max: 12 })] });
    for (let round = 0; round < 12; round++) {
      site.queue.submit(makeJobClass(), { count: 4, runMs: 40_000 });
      site.cloud.levers.fault = (call) =>
        round % 3 === 1 && call === 'launch' ? cloudRefuses('capacity') : null;
      const [machine] = site.alive();
      if (round % 4 === 2 && machine !== undefined) site.cloud.vanish(machine);
      await site.run(120_000);
    }
    const shown = await read(site);
    const sum = (name: string) =>
      [...shown].reduce((all, [series, value]) => (series.startsWith(`${name}{`) ? all + value : all), 0);
    const { totals, pools } = site.status();
    expect(totals.sinceStart.launched).toBeGreaterThan(5);
    expect(sum('spillway_instances_launched_total')).toBe(totals.sinceStart.launched);
    const [pool] = pools;
    const live = Object.values(pool?.states ?? {}).reduce((all, count) => all + count, 0);
    expect(sum('spillway_instances')).toBe(live);
    expect(sum('spillway_instances_ended_total')).toBeGreaterThanOrEqual(totals.sinceStart.ended);
    expect(sum('spillway_cloud_calls_total')).toBe(
      Object.values(site.cloud.calls).reduce((all, count) => all + count, 0) +
        (shown.get('spillway_cloud_calls_total{cloud="east",call="quota",code="ok"}') ?? 0),
    );
    expect(shown.get('spillway_job_to_busy_seconds_count{pool="pool",cloud="east"}')).toBeGreaterThan(5);
  });

  test('what observing would have come to', async () => {
    const { site } = measuredSite({ offers: [makeOffer({ name: 'small', perHour: 6 })] });
    await site.reload({ ...site.config, mode: 'observe' });
    await site.run(15_000);
    site.queue.submit(makeJobClass(), { count: 2, runMs: 3_600_000 });
    await site.run(600_000);
    const shown = await read(site);
    expect(shown.get('spillway_would_be_instances{pool="pool",cloud="east",offer="small"}')).toBe(2);
    expect(shown.get('spillway_would_be_rate_per_hour{currency="USD"}')).toBe(12);
    expect(shown.get('spillway_would_be_cost{currency="USD"}')).toBeCloseTo(2, 0);
    expect([...shown.keys()].filter((name) => name.startsWith('spillway_instances{'))).toEqual([]);
  });

  test('counters go on when another daemon takes over', async () => {
    const { site } = measuredSite();
    site.queue.submit(makeJobClass(), { count: 1, runMs: 600_000 });
    await site.run(60_000);
    await site.stop();
    site.start();
    await site.run(60_000);
    const shown = await read(site);
    expect(shown.get('spillway_instances_launched_total{pool="pool",cloud="east",offer="small"}')).toBe(1);
    expect(shown.get('spillway_journal_entries_total{kind="started"}')).toBe(2);
    expect(shown.get('spillway_journal_entries_total{kind="stopped"}')).toBe(1);
  });

  test('labels are names of the config and words of the program, however many jobs and machines there are', async () => {
    const { site } = measuredSite({ pools: [makePool({ offers: ['small'], max: 40 })] });
    for (let user = 0; user < 30; user++)
      site.queue.submit(makeJobClass({ name: `c${user}`, user: `user${user}` }), { count: 2, runMs: 20_000 });
    await site.run(300_000);
    const text = await site.control.metrics();
    expect(text).not.toMatch(/user\d/);
    for (const { id } of site.control.instances({ ended: true, limit: 5 }).instances)
      expect(text).not.toContain(id);
    expect(text.split('\n').length).toBeLessThan(800);
  });
});
