import { execFile, spawn } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Declaration, declared } from '../../src/metrics/declared.ts';
import { expressionsIn } from '../support/dashboard.ts';
import { createSite, spillway, until } from '../support/runningSite.ts';
import { had, isMissing, prometheusTestbed, stopTestbeds } from '../support/testbed.ts';

/** A real Prometheus scrapes a running daemon over the network, and evaluates the rules of config/ on what it got. */
const run = promisify(execFile);
const token = 'scrape-token-0123456789abcdef';

const dashboard = resolve(import.meta.dirname, '../../config/grafana/spillway.json');

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => found(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

const port = await freePort();
const site = createSite({
  config: `
site: lab
stateDir: FOLDER/state
api:
  listen: [{address: 127.0.0.1, port: ${port}, insecureLoopback: true}]
  tokens: [{name: prometheus, secret: 'file:FOLDER/token', role: read, pools: all}]
queues:
  - {name: leases, adapter: lease, poll: 500ms}
clouds:
  - {name: here, driver: local, folder: FOLDER/machines, poll: 500ms, stopGrace: 1s}
offers:
  - {name: small, cloud: here, cpus: 1, memory: 1GiB, disk: 1GiB, price: 0.1 EUR/h, boot: {}}
pools:
  - {name: desks, queue: leases, offers: [small], max: 2}
budgets:
  - {per: day, amount: 100 EUR}
`,
  files: { token },
});
const tokenFile = join(site.folder, 'prometheus.token');
writeFileSync(tokenFile, token);
chmodSync(tokenFile, 0o600);
await site.start();
const prometheus = await prometheusTestbed('metrics', { target: `127.0.0.1:${port}`, tokenFile });
afterAll(async () => {
  await stopTestbeds(prometheus);
  await site.dispose();
});

/** Prometheus's own API wraps what it answers. */
async function ask<T>(schema: z.ZodType<T>, path: string): Promise<T> {
  const answer = await fetch(`${had(prometheus).endpoint}/api/v1/${path}`);
  const { data } = z.object({ data: z.unknown() }).parse(await answer.json());
  return schema.parse(data);
}

const vector = z.object({ result: z.array(z.object({ metric: z.record(z.string(), z.string()) })) });
const query = async (expr: string) => (await ask(vector, `query?query=${encodeURIComponent(expr)}`)).result;

describe.skipIf(isMissing(prometheus))('a real Prometheus', () => {
  it('scrapes the daemon, and finds its target up', async () => {
    const machine = await spillway([
      'lease',
      '--socket',
      join(site.folder, 'api.sock'),
      '--pool',
      'desks',
      '--',
      'true',
    ]);
    expect(machine.code).toBe(0);
    await until('the target is up', async () => (await query('up{job="spillway"} == 1')).length === 1);
    await until(
      'the machine is seen',
      async () => (await query('spillway_job_to_busy_seconds_count == 1')).length === 1,
    );
    await until('the queue is up', async () => (await query('spillway_queue_up == 1')).length === 1);
  });

  it('has every metric that such a site can show', async () => {
    const names = await ask(z.array(z.string()), 'label/__name__/values');
    const all: readonly Declaration[] = Object.values(declared);
    const shown = (name: string) => names.some((one) => one === name || one === `${name}_count`);
    // What there is only where something goes wrong, where machines have ended, while a lease is held, where the queue tells
    // of jobs' own credentials, and while observing.
    const sometimes = ['jobs_unmet', 'offer_set_aside', 'instances_ended_total', 'leases', 'job_credentials'];
    const observing = ['would_be_instances', 'would_be_cost', 'would_be_rate_per_hour'];
    const absent = [...sometimes, ...observing].map((name) => `spillway_${name}`);
    expect(all.map(({ name }) => name).filter((name) => !shown(name) && !absent.includes(name))).toEqual([]);
  });

  it('evaluates every rule without an error, and no alert fires', async () => {
    const rules = z.object({
      groups: z.array(
        z.object({ rules: z.array(z.object({ name: z.string(), health: z.string(), state: z.string() })) }),
      ),
    });
    const own = async () => (await ask(rules, 'rules')).groups.flatMap(({ rules: all }) => all);
    await until('all are evaluated', async () => (await own()).every(({ health }) => health !== 'unknown'));
    expect((await own()).filter(({ health }) => health !== 'ok')).toEqual([]);
    expect((await own()).filter(({ state }) => state === 'firing')).toEqual([]);
    expect((await own()).length).toBeGreaterThan(20);
  });

  it('understands every question of the dashboard', async () => {
    const questions = expressionsIn(JSON.parse(readFileSync(dashboard, 'utf8')))
      .filter((expr) => !expr.startsWith('label_values('))
      .map((expr) =>
        expr
          .replaceAll('$__rate_interval', '1m')
          .replaceAll('"$instance"', '".*"')
          .replaceAll('"$pool"', '".*"'),
      );
    expect(questions.length).toBeGreaterThan(30);
    for (const question of questions) {
      const { status } = await fetch(
        `${had(prometheus).endpoint}/api/v1/query?query=${encodeURIComponent(question)}`,
      );
      expect(status, question).toBe(200);
    }
  });

  it('sees that the daemon has gone', async () => {
    await site.stop();
    await until('the target is down', async () => (await query('up{job="spillway"} == 0')).length === 1);
    await site.start();
    await until('it is up again', async () => (await query('up{job="spillway"} == 1')).length === 1);
  });
});

describe.skipIf(isMissing(prometheus))('promtool', () => {
  const rules = resolve(import.meta.dirname, '../../config/prometheus/spillway.rules.yml');
  const tests = resolve(import.meta.dirname, '../prometheus/spillway.rules.test.yml');

  it('finds nothing wrong with the rules, and makes each alert fire', async () => {
    expect((await run(had(prometheus).promtool, ['check', 'rules', '--lint-fatal', rules])).stdout).toContain(
      'SUCCESS',
    );
    expect((await run(had(prometheus).promtool, ['test', 'rules', tests])).stdout).toContain('SUCCESS');
  });

  it('takes the scrape configuration of docs/metrics.md', async () => {
    const page = readFileSync(resolve(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
    const path = join(site.folder, 'prometheus.yml');
    writeFileSync(path, /^```yaml\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '');
    const checked = await run(had(prometheus).promtool, ['check', 'config', '--syntax-only', path]);
    expect(checked.stdout).toContain('SUCCESS');
  });

  it('finds nothing wrong with the metrics', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const lint = spawn(had(prometheus).promtool, ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
    lint.stdin.end(await answer.text());
    expect(await text(lint.stderr)).toBe('');
  });
});
