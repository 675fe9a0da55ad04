import { describe, expect, it } from 'vitest';
import { describeConfig } from '../../src/config/describe.ts';
import { describeChanges, diffConfigs } from '../../src/config/diff.ts';
import { type Files, loadToy, toyFiles } from './toy-site.ts';

const site = String(toyFiles['site.yaml']);
const withLogin = site.replace('zone: a', 'zone: a\n    login: { user: farm, key: file:good.key }');

async function describedToy(files: Files, digests = true) {
  const { config, problems } = await loadToy(files);
  if (config === null) throw new Error(JSON.stringify(problems));
  return describeConfig(config, { digests });
}

async function changes(before: Files, after: Files, digests = true): Promise<readonly string[]> {
  return describeChanges(
    diffConfigs(await describedToy(before, digests), await describedToy(after, digests)),
  );
}

describe('what differs between two configs', () => {
  it('is nothing where they say the same, in other words and order, too', async () => {
    expect(await changes({}, {})).toEqual([]);
    const reworded = site.replace('poll: 5s', 'poll: 5000ms').replace('memory: 4GiB', 'memory: 4096MiB');
    expect(await changes({}, { 'site.yaml': `# a comment\n${reworded}` })).toEqual([]);
  });

  it('is said field by field, as the config says it, defaults included', async () => {
    const after = site
      .replace('max: 5', 'max: 7')
      .replace('idle: 10m', 'idle: 90s, silent: 20m')
      .replace('zone: a', 'zone: b')
      .replace('disk: 20GiB', 'disk: 40GiB');
    expect(await changes({}, { 'site.yaml': after })).toEqual([
      'cloud here: settings.zone a → b',
      expect.stringContaining('offer small: ad '),
      'offer small: resources.disk 20GiB → 40GiB',
      'pool workers: max 5 → 7',
      'pool workers: limits.idle 10m → 1m30s',
      'pool workers: limits.silent 15m → 20m',
    ]);
  });

  it('names what came and what went', async () => {
    const after = site.replace('- name: workers', '- name: others').replace('max: 5\n', 'max: 5\n');
    expect(await changes({}, { 'site.yaml': after })).toEqual([
      'pool others: added',
      'pool workers: removed',
    ]);
  });

  it('sees what other files say: boot templates, provider ads, secrets', async () => {
    expect(await changes({}, { 'boot.sh': 'another {{instance}}' })).toEqual([
      expect.stringMatching(/^pool workers: userData sha256:[0-9a-f]{16} → sha256:[0-9a-f]{16}$/),
    ]);
    const before = { 'site.yaml': withLogin };
    expect(await changes(before, { ...before, 'good.key': 'another' })).toEqual([
      'cloud here: settings.login.key file:good.key → file:good.key (new content)',
    ]);
    const env = withLogin.replace('file:good.key', 'env:TOKEN');
    expect(await changes(before, { 'site.yaml': env })).toEqual([
      'cloud here: settings.login.key file:good.key → env:TOKEN',
    ]);
  });

  it('without digests, as it leaves the process, has no trace of a secret, and does not see its content', async () => {
    const before = { 'site.yaml': withLogin };
    expect(JSON.stringify(await describedToy(before, false))).not.toMatch(/s3cret|digest/);
    expect(await changes(before, { ...before, 'good.key': 'another' }, false)).toEqual([]);
  });

  it('of what has no name is what goes and what comes', async () => {
    const budget = (amount: number) => `${site}budgets:\n  - { per: day, amount: ${amount} USD }\n`;
    const priced = (text: string) => text.replace('disk: 20GiB', 'disk: 20GiB\n    price: 0.1 USD/h');
    const found = await changes({ 'site.yaml': priced(budget(5)) }, { 'site.yaml': priced(budget(6)) });
    expect(found).toEqual([
      expect.stringMatching(/^budget .*"amount":6.*: added$/),
      expect.stringMatching(/^budget .*"amount":5.*: removed$/),
    ]);
  });

  it('is bounded', async () => {
    const [entry] = await describedToy({});
    if (entry === undefined) throw new Error('nothing is described');
    const many = Array.from({ length: 700 }, (_, at) => ({ kind: 'pool', name: `p${at}`, fields: {} }));
    expect(describeChanges(diffConfigs([entry], [entry, ...many]))).toHaveLength(501);
  });
});
