import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CloudConfig } from '../../src/config/site.ts';
import { type CatalogUse, catalogReader, type Kept, loadWithCatalogs } from '../../src/daemon/catalogs.ts';
import { generationNotes, keepRefreshing } from '../../src/daemon/refreshing.ts';
import { keepCatalog, readKeptCatalog } from '../../src/host/keptCatalogs.ts';
import type { Catalog } from '../../src/model/catalog.ts';
import { CloudName } from '../../src/model/ids.ts';
import { silentLog } from '../../src/model/log.ts';
import { createVirtualClock } from '../../src/simulate/virtualClock.ts';
import { toyDeps, toyFiles } from '../config/toy-site.ts';

const never = new AbortController().signal;
const cloud: CloudConfig = {
  name: CloudName('here'),
  driver: 'toy',
  pollMs: 1000,
  deadlineMs: 30_000,
  max: null,
  launchesInFlightMax: 1,
  settings: {},
};

const resources = { cpus: 1, memoryMiB: 1024, diskMiB: 1024, gpus: 0 };
const catalogOf = (...flavors: readonly string[]): Catalog => ({
  flavors: flavors.map((name) => ({ name, resources, arch: 'x86_64' })),
  images: [{ id: 'i', name: 'debian' }],
  zones: [],
});

/** A cloud that has flavors, or does not answer, and what is kept of it. */
function bench() {
  const clock = createVirtualClock();
  const store = new Map<string, Kept>();
  const state = { flavors: ['a', 'b'] as readonly string[] | null, asked: 0, answered: 0, hangs: false };
  const parts = {
    clock,
    signal: never,
    ask: async () => {
      state.asked += 1;
      if (state.hangs) return new Promise<never>(() => {});
      if (state.flavors === null) throw new Error('no answer');
      return catalogOf(...state.flavors);
    },
    read: async (_: string, name: string) => store.get(name) ?? null,
    keep: async (_: string, name: string, kept: Kept) => void store.set(name, kept),
  };
  const unknown: string[] = [];
  /** The flavors that offers would be made of, and what is said of them. */
  async function read(use: CatalogUse) {
    const reader = catalogReader(use, parts, ({ name }) => void unknown.push(name));
    const answer = await reader(cloud, '/state');
    await reader(cloud, '/state');
    state.answered += 1;
    return answer.kind === 'known'
      ? { flavors: answer.catalog.flavors.map(({ name }) => name), note: answer.note }
      : answer.why;
  }
  return { clock, store, state, unknown, read };
}

describe('the catalog that offers are made of', () => {
  it('is asked for once in each reading of a config, and kept', async () => {
    const { read, state, store } = bench();
    expect(await read('renew')).toEqual({ flavors: ['a', 'b'], note: null });
    expect(state.asked).toBe(1);
    expect(store.get('here')?.catalog.flavors).toHaveLength(2);
  });

  it('is at a start what is kept: a restart makes the same offers', async () => {
    const { read, state } = bench();
    await read('start');
    state.flavors = ['c'];
    expect(await read('start')).toEqual({ flavors: ['a', 'b'], note: null });
    expect(state.asked).toBe(1);
  });

  it('is what is kept where the cloud is silent, and that is said with its age', async () => {
    const { read, state, clock } = bench();
    await read('renew');
    await clock.advance(2 * 3_600_000);
    state.flavors = null;
    expect(await read('renew')).toEqual({
      flavors: ['a', 'b'],
      note: 'the catalog of here is that of 2h ago: no answer',
    });
  });

  it('is unknown where nothing is kept either', async () => {
    const { read, state, unknown } = bench();
    state.flavors = null;
    expect(await read('start')).toBe('no answer');
    expect(unknown).toEqual(['here']);
  });

  it('is not kept by who only looks', async () => {
    const { read, state, store } = bench();
    await read('look');
    await read('compare');
    expect(store.size).toBe(0);
    await read('renew');
    state.flavors = ['c', 'd', 'a', 'b'];
    expect(await read('look')).toMatchObject({ flavors: ['c', 'd', 'a', 'b'] });
    expect(await read('compare')).toMatchObject({ flavors: ['a', 'b'] });
    expect(await read('kept')).toMatchObject({ flavors: ['a', 'b'] });
  });

  it('is not asked for where no cloud is to be asked', async () => {
    const { read, state } = bench();
    expect(await read('kept')).toContain('no cloud is asked');
    expect(state.asked).toBe(0);
  });

  it('is waited for no longer than a command waits for a reload, and longer by a refresh', async () => {
    for (const [use, waitedMs] of [
      ['renew', 15_000],
      ['refresh', 120_000],
    ] as const) {
      const { read, state, clock } = bench();
      await read('renew');
      state.hangs = true;
      const reading = read(use);
      await clock.advance(waitedMs - 1);
      expect(state.answered).toBe(1);
      await clock.advance(1);
      expect(await reading).toMatchObject({
        flavors: ['a', 'b'],
        note: expect.stringContaining('no answer'),
      });
    }
  });

  it('that has lost most of what it had is believed when it is said twice', async () => {
    const { read, state, clock } = bench();
    state.flavors = ['a', 'b', 'c'];
    await read('renew');
    state.flavors = ['a'];
    expect(await read('renew')).toMatchObject({
      flavors: ['a', 'b', 'c'],
      note: expect.stringContaining('believed when it says so again'),
    });
    await clock.advance(9 * 60_000);
    expect(await read('renew')).toMatchObject({ flavors: ['a', 'b', 'c'] });
    await clock.advance(60_000);
    expect(await read('renew')).toEqual({ flavors: ['a'], note: null });
  });

  it('that has all of it again is doubted no more', async () => {
    const { read, state, clock } = bench();
    await read('renew');
    state.flavors = [];
    await read('renew');
    state.flavors = ['a', 'b'];
    await read('renew');
    await clock.advance(3_600_000);
    state.flavors = [];
    expect(await read('renew')).toMatchObject({ flavors: ['a', 'b'] });
  });

  it('may lose a part at once', async () => {
    const { read, state } = bench();
    await read('renew');
    state.flavors = ['a'];
    expect(await read('renew')).toEqual({ flavors: ['a'], note: null });
  });
});

describe('what is kept of a catalog', () => {
  it('comes back whole; what cannot be read is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spillway-catalogs-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    expect(await readKeptCatalog(folder, 'here')).toBeNull();
    const price = { market: 'spot', zone: 'a', price: { perHour: 0.1, currency: 'USD' } } as const;
    const [flavor] = catalogOf('a').flavors;
    const catalog: Catalog = {
      flavors: flavor === undefined ? [] : [{ ...flavor, prices: [price] }],
      images: [{ id: 'i', name: 'n', arch: 'x86_64', createdAt: '2026-11-22T00:00:00Z' }],
      zones: ['a'],
    };
    const kept = { catalog, askedAtWallMs: 5, doubtedSinceWallMs: null };
    await keepCatalog(folder, 'here', kept);
    expect(await readKeptCatalog(folder, 'here')).toEqual(kept);
    await writeFile(join(folder, 'catalogs', 'here.json'), '{"catalog": {}}');
    expect(await readKeptCatalog(folder, 'here')).toBeNull();
  });
});

describe('reading a config again with another catalog', () => {
  it('takes its files as they were', async () => {
    const files: Record<string, string | Buffer> = { ...toyFiles };
    const written = "  - cloud: here\n    generate: { flavors: ['?'], images: ['*'] }\n";
    files['site.yaml'] = String(files['site.yaml']).replace('pools:\n', `${written}pools:\n`);
    let flavors = ['s'];
    const parts = {
      clock: createVirtualClock(),
      signal: never,
      ask: async () => catalogOf(...flavors),
      read: async () => null,
      keep: async () => {},
    };
    const deps = { ...toyDeps(files), files: toyDeps(files).files };
    const first = await loadWithCatalogs('site.yaml', { use: 'renew', deps, parts });
    expect(first.config?.offers.map(({ name }) => name)).toEqual(['small', 'here-s-debian']);
    files['site.yaml'] = 'somebody: writes';
    flavors = ['s', 'm'];
    const again = await loadWithCatalogs('site.yaml', {
      use: 'renew',
      deps: { ...deps, files: first.again },
      parts,
    });
    expect(again.config?.offers).toHaveLength(3);
    expect(again.allKnown).toBe(true);
    const fresh = await loadWithCatalogs('site.yaml', { use: 'renew', deps, parts });
    expect(fresh.config).toBeNull();
  });
});

it('what is said of catalogs is the same as long as it is no other thing', () => {
  const note = (path: string, message: string) =>
    ({ severity: 'warning', file: 'f', line: 1, column: 1, path, message }) as const;
  const problems = [
    note('offers[1].generate', 'the catalog of a is that of 2h 5m ago: no answer'),
    note('pools[0].max', 'something else'),
  ];
  expect(generationNotes({ problems })).toEqual(['the catalog of a is an old one: no answer']);
  const older = [note('offers[1].generate', 'the catalog of a is that of 3h ago: no answer')];
  expect(generationNotes({ problems: older })).toEqual(generationNotes({ problems }));
});

describe('generated offers are made anew', () => {
  /** The minutes at which it is done; `known` says whether every catalog is after so many times. */
  async function timesIn(ms: number, known: (times: number) => boolean, generates = true) {
    const clock = createVirtualClock();
    const over = new AbortController();
    const at: number[] = [];
    const logged: object[] = [];
    const refreshing = {
      holds: {
        generates,
        get allKnown() {
          return known(at.length);
        },
      },
      refresh: async () => {
        at.push(clock.monotonicNow() / 60_000);
        if (at.length === 1 && !known(1)) throw new Error('bad luck');
        return ['the same'];
      },
      clock,
      log: { ...silentLog, warn: (fields: object) => void logged.push(fields) },
    };
    const looping = keepRefreshing(refreshing, over.signal);
    await clock.advance(ms);
    over.abort();
    await looping;
    // What is the same is said once.
    const notes = logged.filter((fields) => 'note' in fields);
    expect(notes).toHaveLength(Math.min(1, generates ? at.length : 0));
    return at;
  }

  it('a minute after the start, and every hour', async () => {
    expect(await timesIn(130 * 60_000, () => true)).toEqual([1, 61, 121]);
  });

  it('every minute while a catalog is not known, and though it fails', async () => {
    expect(await timesIn(62 * 60_000, (times) => times > 2)).toEqual([1, 2, 3]);
  });

  it('not where none are', async () => {
    expect(await timesIn(200 * 60_000, () => true, false)).toEqual([]);
  });
});
