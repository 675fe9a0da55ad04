import { describe, expect, it } from 'vitest';
import { loadLeavers } from '../../src/config/retiring.ts';
import { secretsIn } from '../../src/config/secrets.ts';
import { type Files, loadToy, toyDeps, toyFiles } from './toy-site.ts';

const site = String(toyFiles['site.yaml'])
  .replace(
    'offers:',
    '  - name: there\n    driver: toy\n    zone: c\n    login: { user: farm, key: file:good.key }\noffers:',
  )
  .concat('  - name: extra\n    queue: batch\n    offers: [small]\n    max: 3\n    min: 1\n');

/** What the whole site was, and what it is without the second cloud and pool. */
async function leave(files: Files = {}) {
  const earlier = await loadToy({ 'site.yaml': site });
  const now = await loadToy();
  if (earlier.written === null || now.config === null) throw new Error('the toy is broken');
  // Through the store, as text.
  const written = JSON.parse(JSON.stringify(earlier.written));
  expect(JSON.stringify(written)).not.toContain('s3cret');
  return loadLeavers(now.config, written, toyDeps({ ...toyFiles, ...files }));
}

describe('what has left the config', () => {
  it('is read again from how it was written, its secrets too', async () => {
    const { clouds, pools, queues, problems } = await leave();
    expect(problems).toEqual([]);
    expect(queues).toEqual([]);
    expect(clouds).toMatchObject([{ name: 'there', driver: 'toy', retiring: true, settings: { zone: 'c' } }]);
    const [found] = secretsIn(clouds);
    expect(found?.secret.text()).toBe('s3cret');
    expect(pools).toMatchObject([
      { name: 'extra', retiring: true, min: 0, max: 0, offers: [], userData: null },
    ]);
  });

  it('whose secret is gone cannot be used, and says so; the others can', async () => {
    const { clouds, pools, problems } = await leave({ 'good.key': '' });
    expect(clouds).toEqual([]);
    expect(pools).toHaveLength(1);
    expect(problems).toMatchObject([
      {
        severity: 'error',
        file: 'site.yaml (as it was)',
        path: 'clouds["there"].login.key',
        message: 'the secret file good.key is empty',
      },
    ]);
  });
});
