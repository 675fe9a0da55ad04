import { describe, expect, it } from 'vitest';
import type { WrittenEntries } from '../../src/config/load.ts';
import { heldBy, lostWith, rememberWritten, withRetiring, writtenFacts } from '../../src/daemon/retiring.ts';
import { leaversOf } from '../../src/simulate/simulatedConfig.ts';
import { workingSite } from '../support/scenes.ts';
import { east, makeOffer, makePool, west } from '../support/siteParts.ts';

async function twoClouds() {
  const site = await workingSite(2, {
    offers: [makeOffer({ name: 'near' }), makeOffer({ name: 'far', cloud: west })],
    pools: [makePool({ offers: ['near', 'far'], max: 10 })],
    clouds: [{ name: east }, { name: west }],
  });
  const { config } = site;
  return { site, config, without: { ...config, clouds: config.clouds.filter(({ name }) => name !== east) } };
}

const written = (clouds: Readonly<Record<string, unknown>>): WrittenEntries => ({
  path: '/etc/site.yaml',
  queues: {},
  clouds,
  pools: {},
});

describe('a cloud that has left the config', () => {
  it('is kept while a machine or an open intent is known by it, and no longer', async () => {
    const { site, config, without } = await twoClouds();
    const leavers = leaversOf(config, without);
    const names = (stored: Parameters<typeof heldBy>[0]) =>
      withRetiring(without, leavers, heldBy(stored)).clouds.map(({ name, retiring }) => [
        name,
        retiring ?? false,
      ]);
    const stored = site.store.load();
    expect(names(stored)).toEqual([
      [west, false],
      [east, true],
    ]);
    const [intent] = stored.intents;
    if (intent === undefined) throw new Error('no intent');
    expect(names({ instances: [], intents: [{ ...intent, state: 'unknown' }] })).toHaveLength(2);
    expect(names({ instances: [], intents: [{ ...intent, state: 'accepted' }] })).toEqual([[west, false]]);
  });

  it('that nobody can reach any more is said by name', async () => {
    const { site, without } = await twoClouds();
    const nobody = { queues: [], clouds: [], pools: [] };
    expect(lostWith(without, nobody, heldBy(site.store.load()))).toEqual([
      'cloud east has machines, and neither the config nor what it was says how to reach it',
    ]);
  });

  it('stays in the store as it was written while it has machines, beside those that are in the config', async () => {
    const { site } = await twoClouds();
    const stored = site.store.load();
    const facts = writtenFacts({ written: written({ east: { zone: 'a' }, gone: {} }) }, stored);
    const later = { ...stored, facts };
    expect(rememberWritten(later)?.clouds).toEqual({ east: { zone: 'a' }, gone: {} });
    const [next] = writtenFacts({ written: written({ west: { zone: 'b' } }) }, later);
    expect(next?.value).toMatchObject({ clouds: { west: { zone: 'b' }, east: { zone: 'a' } } });
    expect(next?.value).not.toHaveProperty('clouds.gone');
  });

  it('is not written again where nothing changes', async () => {
    const { site } = await twoClouds();
    const stored = site.store.load();
    const facts = writtenFacts({ written: written({ east: { zone: 'a' } }) }, stored);
    expect(writtenFacts({ written: written({ east: { zone: 'a' } }) }, { ...stored, facts })).toEqual([]);
  });
});
