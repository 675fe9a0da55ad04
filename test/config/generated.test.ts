import { describe, expect, it } from 'vitest';
import type { CatalogReader } from '../../src/config/generated.ts';
import { loadSite } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problem.ts';
import type { Catalog } from '../../src/model/catalog.ts';
import { type Files, toyDeps, toyFiles } from './toy-site.ts';

const resources = { cpus: 2, memoryMiB: 4096, diskMiB: 20_480, gpus: 0 };
const catalog: Catalog = {
  flavors: ['s', 'm'].map((name) => ({ name, resources, arch: 'x86_64' })),
  images: [{ id: 'img-7', name: 'debian' }],
  zones: ['a', 'b'],
};

const known: CatalogReader = async () => ({ kind: 'known', catalog, note: null });

const entry = `  - cloud: here
    generate: { flavors: ['*'], images: [deb*] }
    attributes: { VMType: any }
    boot: { labels: { who: us } }
`;

/** The toy site with an entry of its offers that generates some, and a pool of all of them. */
function siteWith(written = entry, pool = "offers: [small, 'here-*']"): Files {
  const text = String(toyFiles['site.yaml']);
  return {
    ...toyFiles,
    'site.yaml': text.replace('pools:\n', `${written}pools:\n`).replace('offers: [small]', pool),
  };
}

async function load(files: Files, catalogs?: CatalogReader) {
  const deps = catalogs === undefined ? toyDeps(files) : { ...toyDeps(files), catalogs };
  const { config, problems } = await loadSite('site.yaml', deps);
  return {
    problems: problems.map(formatProblem),
    config,
    offers: config?.offers.map(({ name }) => name),
    pool: config?.pools[0]?.offers,
  };
}

describe('an entry of offers that generates', () => {
  it('stands for what the catalog has, and pools name that by patterns', async () => {
    const { problems, offers, pool, config } = await load(siteWith(), known);
    expect(problems).toEqual([]);
    expect(offers).toEqual(['small', 'here-s-debian', 'here-m-debian']);
    expect(pool).toEqual(offers);
    expect(config?.generating).toEqual(['here']);
    const [, made] = config?.offers ?? [];
    expect(made).toMatchObject({
      generated: true,
      resources: { cpus: 2, memoryMiB: 3891, diskMiB: 16_384 },
      settings: { image: 'img-7', sizeClass: 's', labels: { who: 'us' } },
      published: { VMType: '"any"' },
    });
  });

  it('has one for each zone where zones are named, and a name of its own before them', async () => {
    const written = entry
      .replace('images: [deb*]', "images: [deb*], zones: ['?']")
      .replace('- cloud', '- name: gen\n    cloud')
      .replace("['*']", '[s]');
    const { offers } = await load(siteWith(written, 'offers: [small]'), known);
    expect(offers).toEqual(['small', 'gen-s-debian-a', 'gen-s-debian-b']);
  });

  it('is unknown where no cloud is asked: nothing is wrong with that', async () => {
    const { problems, offers, pool } = await load(siteWith());
    expect(problems).toEqual([]);
    expect(offers).toEqual(['small']);
    expect(pool).toEqual(['small']);
    expect((await load(siteWith(entry, "offers: ['here-*']"))).pool).toEqual([]);
  });

  it('is warned of where the cloud does not answer, and where its answer is old', async () => {
    const silent: CatalogReader = async () => ({ kind: 'unknown', why: 'no answer' });
    expect((await load(siteWith(), silent)).problems).toEqual([
      'site.yaml:22:5 offers[1].generate: warning: the catalog of here is not known, and none of its offers: no answer',
    ]);
    const old: CatalogReader = async () => ({ kind: 'known', catalog, note: 'as it was' });
    const { problems, offers } = await load(siteWith(), old);
    expect(problems).toEqual(['site.yaml:22:5 offers[1].generate: warning: as it was']);
    expect(offers).toHaveLength(3);
  });

  it.each([
    ['an unknown field', entry.replace('generate: {', 'generate: { flavours: [x],'), 'unknown field'],
    [
      'a field that the catalog says',
      entry.replace('attributes', 'cpus: 4\n    attributes'),
      'unknown field',
    ],
    ['an attribute that is wrong', entry.replace('VMType: any', 'Cpus: 3'), 'is set by the field "cpus"'],
    ['a field of `boot` that is wrong', entry.replace('labels', 'lables'), 'unknown field'],
    ['a cloud that is not there', entry.replace('cloud: here', 'cloud: there'), 'unknown cloud "there"'],
  ])('is wrong with %s, whether or not the cloud answers', async (_what, written, message) => {
    for (const catalogs of [undefined, known]) {
      const { problems, config } = await load(siteWith(written, 'offers: [small]'), catalogs);
      expect(config).toBeNull();
      expect(problems.join('\n')).toContain(message);
    }
  });

  it('is wrong with a cloud of a kind that generates none', async () => {
    const files = siteWith(entry, 'offers: [small]');
    const text = String(files['site.yaml'])
      .replace('driver: toy', 'driver: plain')
      .replace('max: 10', 'max: 9');
    expect((await load({ ...files, 'site.yaml': text }, known)).problems.join('\n')).toContain(
      'offers of this kind of cloud are written out',
    );
  });

  it('is refused with more offers than it may have', async () => {
    const written = entry.replace('generate: {', 'generate: { max: 1,');
    const { problems, config } = await load(siteWith(written), known);
    expect(config).toBeNull();
    expect(problems.join('\n')).toContain('2 offers are more than `max` (1)');
  });

  it('leaves out what has a name that is taken, and what fits nothing is said', async () => {
    const { problems, offers } = await load(siteWith(entry + entry), known);
    expect(offers).toHaveLength(3);
    expect(problems.join('\n')).toContain('2 of its offers have names that are taken already');
    const none = await load(siteWith(entry.replace('deb*', 'nix'), 'offers: [small]'), known);
    expect(none.problems.join('\n')).toContain("nothing of the cloud's 2 flavors, 1 images and 2 zones fits");
  });

  it('asks no cloud whose secrets cannot be read', async () => {
    const files = siteWith();
    const text = String(files['site.yaml']).replace(
      'zone: a\n',
      'zone: a\n    login: { user: u, key: "file:missing.key" }\n',
    );
    const asked: string[] = [];
    const { problems } = await load({ ...files, 'site.yaml': text }, async ({ name }) => {
      asked.push(name);
      return { kind: 'unknown', why: '' };
    });
    expect(asked).toEqual([]);
    expect(problems).toHaveLength(1);
  });
});

describe('a pattern among the offers of a pool', () => {
  it('means each offer once, in the order of the offers', async () => {
    const { pool } = await load(siteWith(entry, "offers: ['*debian', 'here-m*', '*']"), known);
    expect(pool).toEqual(['here-s-debian', 'here-m-debian', 'small']);
  });

  it('must fit something, where all offers are known', async () => {
    const { problems } = await load(siteWith(entry, "offers: [small, 'hare-*']"), known);
    expect(problems).toEqual([expect.stringContaining('pools[0].offers[1]: no offer\'s name fits "hare-*"')]);
    expect((await load(siteWith(entry, "offers: [small, 'hare-*']"))).problems).toEqual([]);
  });
});
