import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const script = resolve(import.meta.dirname, '../../../config/ec2/spot-watch');

/** A metadata service that gives nothing without a token, as version 2 does. */
let told: Set<string>;
let tokens: string[];
let asked: string[];
let service: Server;
let folder: string;
let watcher: ChildProcess | null;

beforeEach(async () => {
  told = new Set(['']);
  tokens = [];
  asked = [];
  watcher = null;
  folder = mkdtempSync(join(tmpdir(), 'spillway-spot-'));
  service = createServer((request, response) => {
    const { method, url = '', headers } = request;
    if (method === 'PUT' && url === '/latest/api/token') {
      tokens.push(`token-${tokens.length}`);
      response.end(tokens.at(-1));
      return;
    }
    const what = url.replace('/latest/meta-data/', '');
    asked.push(what);
    const isKnown = headers['x-aws-ec2-metadata-token'] === tokens.at(-1);
    response.statusCode = !isKnown ? 401 : told.has(what) ? 200 : 404;
    response.end('{}');
  });
  await new Promise<void>((done) => service.listen(0, '127.0.0.1', done));
});
afterEach(async () => {
  watcher?.kill();
  service.closeAllConnections();
  await new Promise((done) => service.close(done));
  rmSync(folder, { recursive: true });
});

const config = () => join(folder, 'watch.config');
const reloads = () => {
  const path = join(folder, 'reloads');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').length : 0;
};

function watch(more: Readonly<Record<string, string>> = {}): Promise<number | null> {
  writeFileSync(join(folder, 'reload'), `#!/bin/sh\necho >>${folder}/reloads x\n`, { mode: 0o755 });
  const child = spawn('/bin/sh', [script], {
    env: {
      ...process.env,
      EVERY: '0.02',
      CONFIG: config(),
      RELOAD: join(folder, 'reload'),
      IMDS: `http://127.0.0.1:${(service.address() as AddressInfo).port}`,
      ...more,
    },
    stdio: 'ignore',
  });
  watcher = child;
  return new Promise((done) => child.on('exit', done));
}

const times = (what: string) => asked.filter((one) => one === what).length;
const soon = (holds: () => boolean) => vi.waitFor(() => expect(holds()).toBe(true), { timeout: 20_000 });

describe('the watcher on a spot machine', () => {
  it('changes nothing while nothing is told', async () => {
    void watch();
    await soon(() => times('spot/instance-action') > 3);
    expect(existsSync(config())).toBe(false);
    expect(tokens).toHaveLength(1);
  });

  it('begins no more jobs when a rebalance is recommended, and is done when the notice comes', async () => {
    const ended = watch();
    told.add('events/recommendations/rebalance');
    await soon(() => reloads() === 1);
    expect(readFileSync(config(), 'utf8')).toBe(
      'START = FALSE\nSpotNotice = "rebalance"\nSTARTD_ATTRS = $(STARTD_ATTRS) SpotNotice\n',
    );
    told.add('spot/instance-action');
    expect(await ended).toBe(0);
    expect(readFileSync(config(), 'utf8')).toContain('SpotNotice = "interruption"');
    expect(reloads()).toBe(2);
  });

  it('heeds the notice alone where the site wants it so', async () => {
    const ended = watch({ REBALANCE: 'ignore' });
    told.add('events/recommendations/rebalance');
    await soon(() => times('spot/instance-action') > 3);
    expect(existsSync(config())).toBe(false);
    told.add('spot/instance-action');
    expect(await ended).toBe(0);
  });

  it('gets another token when its own is not taken any more', async () => {
    void watch();
    await soon(() => times('spot/instance-action') > 1);
    tokens.push('of another');
    await soon(() => tokens.length > 2);
    told.add('events/recommendations/rebalance');
    await soon(() => reloads() === 1);
  });
});
