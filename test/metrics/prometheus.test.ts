import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Declaration, declared } from '../../src/metrics/declared.ts';
import { metricsPage, metricsText } from '../../tools/metrics/page.ts';
import { expressionsIn } from '../support/dashboard.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const rulesSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          labels: z.object({ severity: z.enum(['critical', 'warning', 'info']) }),
          annotations: z.object({ summary: z.string() }),
        }),
      ),
    }),
  ),
});
const rules = rulesSchema
  .parse(parse(read('config/prometheus/spillway.rules.yml')))
  .groups.flatMap(({ rules: own }) => own);

const testsSchema = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) })),
    }),
  ),
});
const tested = testsSchema
  .parse(parse(read('test/prometheus/spillway.rules.test.yml')))
  .tests.flatMap(({ alert_rule_test: own }) => own);

const dashboard = expressionsIn(JSON.parse(read('config/grafana/spillway.json')));

const series = new Map<string, Declaration>(
  Object.values<Declaration>(declared).flatMap((one) =>
    one.kind === 'histogram'
      ? ['bucket', 'sum', 'count'].map((suffix) => [`${one.name}_${suffix}`, one] as const)
      : [[one.name, one] as const],
  ),
);
/** Set by Prometheus itself. */
const scraped = ['job', 'instance'];

/** Series that an expression names and that there are not, and labels that they do not have. */
function unknownIn(expr: string): readonly string[] {
  const names = [...expr.matchAll(/\b((?:spillway|process)_\w+)(?:\{([^}]*)\})?/g)];
  return names.flatMap(([, name = '', matchers = '']) => {
    const found = series.get(name);
    if (found === undefined) return [name];
    const known: readonly string[] = [...found.labels, 'le', ...scraped];
    const labels = [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = '']) => label);
    return labels.filter((label) => !known.includes(label)).map((label) => `${name}{${label}}`);
  });
}

describe('alert rules', () => {
  test.each(rules.map(({ alert, expr }) => [alert, expr]))('%s asks for what there is', (_, expr) => {
    expect(unknownIn(expr)).toEqual([]);
    expect(expr).toMatch(/\b(spillway_|up\{job="spillway"\})/);
  });

  test('each is made to fire, and each is silent where all is well: `promtool test rules`', () => {
    const names = rules.map(({ alert }) => alert).toSorted();
    const firing = tested.filter(({ exp_alerts: alerts }) => alerts.length > 0);
    const silent = tested.filter(({ exp_alerts: alerts }) => alerts.length === 0);
    expect(firing.map(({ alertname }) => alertname).toSorted()).toEqual(names);
    expect(silent.map(({ alertname }) => alertname).toSorted()).toEqual(names);
  });

  test('docs/troubleshooting.md has a section for each and for no other', () => {
    const page = read('docs/troubleshooting.md');
    const told = [...page.matchAll(/^#+ .*`(Spillway\w+)`/gm)].map(([, name = '']) => name);
    expect(told.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
    const named = [...page.matchAll(/`((?:spillway|process)_\w+)(?:\{[^}`]*\})?`/g)];
    const names = named.map(([, name = '']) => name);
    const known = Object.values(declared).map(({ name }): string => name);
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('the dashboard', () => {
  test.each(dashboard.map((expr) => [expr]))('%s', (expr) => {
    expect(unknownIn(expr)).toEqual([]);
  });

  test('shows the greater part of what there is', () => {
    const shown = Object.values(declared).filter(({ name }) => dashboard.some((expr) => expr.includes(name)));
    expect(shown.length).toBeGreaterThan(20);
  });
});

describe('docs/metrics.md', () => {
  test('is what the declarations say: `npm run metrics` writes it', () => {
    expect(readFileSync(metricsPage, 'utf8')).toBe(metricsText());
  });

  test('names files that are there', () => {
    for (const [, path = ''] of metricsText().matchAll(/`((?:config|src)\/[^`]+)`/g))
      expect(existsSync(new URL(`../../${path}`, import.meta.url)), path).toBe(true);
  });
});

describe('the declarations', () => {
  const all = Object.values<Declaration>(declared);

  test('names are good and say their unit', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const { name, kind, help } of all) {
      expect(name).toMatch(/^[a-z]+(_[a-z]+)+$/);
      expect(name.endsWith('_total'), name).toBe(kind === 'counter');
      if (kind === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(help).toMatch(/^[^A-Z].*[^.]$/);
    }
  });

  test('no label has as many values as there are jobs, machines or users', () => {
    const labels = new Set(all.flatMap(({ labels: own }) => own));
    for (const endless of ['job', 'user', 'group', 'owner', 'id', 'intent', 'worker', 'demand', 'address'])
      expect(labels).not.toContain(endless);
  });

  test('buckets rise', () => {
    for (const { buckets = [] } of all) expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
  });
});

test('a series that there is not, or a label that it does not have, is found', () => {
  expect(unknownIn('sum(spillway_jobs{queue="a", user="b"}) / spillway_nothing')).toEqual([
    'spillway_jobs{user}',
    'spillway_nothing',
  ]);
  expect(unknownIn('rate(spillway_tick_duration_seconds[5m])')).toEqual(['spillway_tick_duration_seconds']);
});
