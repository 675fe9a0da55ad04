import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReloadReceipt } from '../../src/api/reload.ts';
import type { CheckView } from '../../src/cli/commands/run.ts';
import { createSite, type RunningSite, until } from '../support/runningSite.ts';

/** A daemon in a process of its own that borrows processes of this host, reloaded by signal and by command. */
const whole = `site: reloaded
stateDir: FOLDER/state
queues:
  - { name: leases, adapter: lease, poll: 500ms }
clouds:
  - { name: here, driver: local, folder: FOLDER/here, poll: 500ms }
  - { name: there, driver: local, folder: FOLDER/there, poll: 500ms }
offers:
  - { name: small, cloud: here, cpus: 1, memory: 512MiB, disk: 1GiB, boot: {} }
  - { name: other, cloud: there, cpus: 1, memory: 512MiB, disk: 1GiB, boot: {} }
pools:
  - { name: desks, queue: leases, offers: [small], min: 1, max: 4, limits: { idleConfirm: 1s } }
  - { name: far, queue: leases, offers: [other], min: 1, max: 4, limits: { idleConfirm: 1s } }
`;
const withoutThere = whole
  .split('\n')
  .filter((line) => !/there|far/.test(line))
  .join('\n');

let site: RunningSite;
const write = (text: string) => writeFileSync(site.configPath, text.replaceAll('FOLDER', site.folder));
const reload = (code = 0) => site.ask<ReloadReceipt>(['reload'], [code]);
const free = async () => (await site.instances()).filter(({ state }) => state === 'Free').length;

beforeAll(async () => {
  site = createSite({ config: whole });
  await site.start();
  await until('a machine of each pool is free', async () => (await free()) === 2);
});

afterAll(async () => {
  // The machines are processes: none may outlive the test.
  write(whole.replaceAll('min: 1', 'min: 0'));
  await reload();
  for (const { id } of await site.instances())
    await site.ask(['instance', 'terminate', id, '--force'], [0, 1, 5]);
  await until('all are gone', async () => (await site.instances()).length === 0);
  await site.dispose();
});

describe('a daemon in its process', () => {
  test('is told by the file, the line and the column why a reload is refused', async () => {
    write(whole.replace('max: 4', 'max: four'));
    const { outcome, problems } = await reload(3);
    expect(outcome).toBe('refused');
    expect(problems).toMatchObject([{ file: site.configPath, line: 12, path: 'pools[0].max' }]);
    expect(await free()).toBe(2);
  });

  test('says beforehand what a file would change', async () => {
    write(whole.replace('max: 4', 'max: 7'));
    const { changes } = await site.ask<CheckView & Pick<ReloadReceipt, 'changes'>>(['check', '--diff']);
    expect(changes).toMatchObject([{ kind: 'pool', name: 'desks', field: 'max', from: '4', to: '7' }]);
  });

  test('answers at every moment while it is reloaded by SIGHUP, and its machines know nothing of it', async () => {
    const before = (await site.instances()).map(({ id }) => id);
    let asked = 0;
    const over = new AbortController();
    const asking = (async () => {
      while (!over.signal.aborted) {
        expect(await site.get('/v1/status')).not.toBeNull();
        asked += 1;
      }
    })();
    for (const max of [5, 6, 7, 8]) {
      write(whole.replace('max: 4', `max: ${max}`));
      site.hangUp();
      await until(`max is ${max}`, async () => (await site.status()).pools[0]?.max === max);
    }
    over.abort();
    await asking;
    expect(asked).toBeGreaterThan(20);
    await until('both are seen again', async () => (await free()) === 2);
    expect((await site.instances()).map(({ id }) => id)).toEqual(before);
  });

  test('drains what leaves the configuration though it is killed meanwhile, and forgets it then', async () => {
    write(withoutThere);
    expect((await reload()).retiring).toEqual([
      'cloud there: 1 machine drains',
      'pool far: 1 machine drains',
    ]);
    await site.kill();
    await site.start();
    await until('the cloud is forgotten', async () => (await site.status()).clouds.length === 1);
    expect(await site.instances()).toHaveLength(1);
    const ended = (await site.instances({ ended: true })).filter(({ cloud }) => cloud === 'there');
    expect(ended).toMatchObject([{ phase: 'ended', endReason: 'removed' }]);
  });

  test('only observes where the configuration says so, and does what is due when it may act', async () => {
    write(`mode: observe\n${whole}`);
    await reload();
    await until('it says what it would boot', async () => (await site.status()).observe?.booted === 1);
    expect(await site.instances()).toHaveLength(1);
    write(whole);
    await reload();
    await until('a machine of each pool is free', async () => (await free()) === 2);
    expect(readFileSync(site.configPath, 'utf8')).not.toContain('observe');
  });
});
