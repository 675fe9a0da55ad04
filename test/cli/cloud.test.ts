import { describe, expect, onTestFinished, test } from 'vitest';
import type { Catalog } from '../../src/model/catalog.ts';
import { CloudError } from '../../src/model/errors.ts';
import { loadToy } from '../config/toy-site.ts';
import { startTestApi } from '../support/apiServer.ts';
import { cli } from '../support/runCli.ts';

const gib = 1024;
const catalog: Catalog = {
  flavors: [
    {
      name: 'large',
      resources: { cpus: 8, memoryMiB: 16 * gib, diskMiB: 80 * gib, gpus: 1 },
      arch: 'x86_64',
      prices: [
        { market: 'onDemand', zone: null, price: { perHour: 0.4, currency: 'USD' } },
        { market: 'spot', zone: 'b', price: { perHour: 0.2, currency: 'USD' } },
        { market: 'spot', zone: 'a', price: { perHour: 0.123456, currency: 'USD' } },
      ],
    },
    { name: 'small', resources: { cpus: 1, memoryMiB: 2 * gib, diskMiB: 0, gpus: 0 }, arch: 'x86_64' },
  ],
  images: [
    { id: 'i-1', name: 'debian\u001b', arch: 'x86_64', createdAt: '2026-11-22T00:00:00Z' },
    { id: 'i-2', name: 'alma' },
  ],
  zones: ['a', 'b'],
};

const deps = {
  loadSite: async () => loadToy(),
  readCatalog: async () => catalog,
};

describe('spillway cloud catalog', () => {
  test('shows what a cloud has, the smallest first, and the offers there', async () => {
    const { code, stdout } = await cli(['cloud', 'catalog', 'here', '--config', 'site.yaml'], deps);
    expect(code).toBe(0);
    expect(stdout).toBe(`cloud here (toy)
zones: a, b

FLAVOR  CPUS  MEMORY  DISK    GPUS  ARCH    PRICE
small   1     2 GiB   -       -     x86_64  -
large   8     16 GiB  80 GiB  1     x86_64  0.4 USD/h, spot 0.12346 USD/h in a to 0.2

IMAGE  NAME          ARCH    MADE
i-1    debian\\u{1b}  x86_64  2026-11-22T00:00:00Z
i-2    alma          -       -

1 offer
  small: 2 CPUs, 4 GiB memory, 20 GiB disk
`);
  });

  test('as JSON has all of it, or what is called so', async () => {
    const ask = ['cloud', 'catalog', 'here', '--config', 'site.yaml', '--json'];
    const { stdout } = await cli([...ask, '--match', '*al*'], deps);
    expect(JSON.parse(stdout)).toMatchObject({
      cloud: 'here',
      driver: 'toy',
      flavors: [{ name: 'small', cpus: 1, prices: [] }],
      images: [{ id: 'i-2', name: 'alma', arch: null, createdAt: null }],
      zones: ['a', 'b'],
      offers: [{ name: 'small', price: null, generated: false }],
    });
  });

  test('takes the running daemon’s configuration where none is named', async () => {
    const api = await startTestApi();
    onTestFinished(() => api[Symbol.asyncDispose]());
    const { config } = await loadToy();
    const asked: string[] = [];
    api.control.configuration = () => ({ path: '/etc/spillway/site.yaml', entries: [] });
    const { code } = await cli(['cloud', 'catalog', 'here', '--socket', api.socket], {
      ...deps,
      loadSite: async (path, use) => {
        asked.push(path, String(use));
        return { config, problems: [] };
      },
    });
    expect(code).toBe(0);
    expect(asked).toEqual(['/etc/spillway/site.yaml', 'look']);
  });

  test('of a cloud that is not there ends with 5, of a wrong file with 3', async () => {
    const ask = ['cloud', 'catalog', 'there', '--config', 'site.yaml'];
    expect(await cli(ask, deps)).toMatchObject({
      code: 5,
      stderr: 'spillway: no cloud there; there are here\n',
    });
    const wrong = { loadSite: async () => ({ config: null, problems: [] }) };
    expect((await cli(ask, wrong)).code).toBe(3);
  });

  test('of one that refuses ends with 1', async () => {
    const refusing = {
      ...deps,
      readCatalog: () => Promise.reject(new CloudError('auth', 'log in: no')),
    };
    const { code, stdout } = await cli(
      ['cloud', 'catalog', 'here', '--config', 'site.yaml', '--json'],
      refusing,
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'refused', message: 'cloud here: log in: no', reason: 'auth' },
    });
  });
});
