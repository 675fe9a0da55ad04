import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { createSite, until } from '../../support/runningSite.ts';
import { image } from './connection.ts';

/** A daemon as its users run it, with machines of the loopback server: spot machines by fleet, others one zone each. */
const server = await startLoopbackEc2({ now: () => Date.now() });
Object.assign(server.levers, {
  bootMs: 300,
  stopMs: 300,
  spotPrices: { 'm5.2xlarge:us-east-1a': 0.05, 'm5.2xlarge:us-east-1b': 0.15 },
});

const common = 'cpus: 2, memory: 3GiB, disk: 8GiB';
const template = 'launchTemplate: {id: lt-0123456789abcdef0, version: 1}';
const site = createSite({
  config: `
site: campus
stateDir: FOLDER/state
queues:
  - {name: leases, adapter: lease, poll: 300ms}
clouds:
  - name: ec2
    driver: ec2
    region: us-east-1
    endpoint: ${server.endpoint}
    credentials: {accessKeyId: 'file:key', secretAccessKey: 'file:secret'}
    poll: 300ms
    deadline: 3s
offers:
  - {name: spot, cloud: ec2, ${common}, market: spot, price: 0.09 USD/h, boot: {image: ${image}, type: c5.large, ${template}, fleet: {types: [c5.xlarge], zones: [us-east-1a, us-east-1b]}}}
  - {name: dear, cloud: ec2, ${common}, market: spot, price: 0.3 USD/h, boot: {image: ${image}, type: m5.2xlarge, zone: us-east-1a}}
  - {name: cheaper, cloud: ec2, ${common}, market: spot, price: 0.2 USD/h, boot: {image: ${image}, type: m5.2xlarge, zone: us-east-1b}}
  - {name: in-a, cloud: ec2, ${common}, price: 0.1 USD/h, boot: {image: ${image}, type: c5.large, zone: us-east-1a}}
  - {name: in-b, cloud: ec2, ${common}, price: 0.2 USD/h, boot: {image: ${image}, type: c5.large, zone: us-east-1b}}
pools:
  - {name: cheap, queue: leases, offers: [spot], min: 2, max: 5, userData: boot.sh, limits: {idleConfirm: 1s}}
  - {name: market, queue: leases, offers: [cheaper, dear], min: 0, max: 5, userData: boot.sh, limits: {idleConfirm: 1s}}
  - {name: zones, queue: leases, offers: [in-a, in-b], min: 0, max: 5, userData: boot.sh, limits: {idleConfirm: 1s}}
`,
  files: { key: 'AKIAEXAMPLE', secret: 'not-so-secret', 'boot.sh': '#!/bin/sh\n# {{instance}}\n' },
});
// On a loaded host a daemon takes its time.
beforeAll(() => site.start(), 60_000);
afterAll(async () => {
  await site.dispose();
  await server.stop();
});

const inPool = async (pool: string) => (await site.instances()).filter((one) => one.pool === pool);
const free = async (pool: string) => (await inPool(pool)).filter(({ state }) => state === 'Free').length;

describe('a site on EC2', { timeout: 60_000 }, () => {
  it('has its spot machines by fleet, and replaces one that EC2 takes back before it is gone', async () => {
    await until('two machines are free', async () => (await free('cheap')) === 2);
    expect(server.calls('CreateFleet')).toBe(2);
    expect(server.living().every(({ spot }) => spot)).toBe(true);
    const [taken] = await inPool('cheap');
    server.giveNotice(taken?.cloudId ?? '');
    await until('it is drained and ended', async () => {
      const ended = await site.instances({ ended: true });
      return ended.some(({ id, phase }) => id === taken?.id && phase === 'ended');
    });
    const ended = (await site.instances({ ended: true })).find(({ id }) => id === taken?.id);
    expect(ended?.endReason).toBe('reclaimed');
    await until('another is there', async () => (await free('cheap')) === 2);
    expect(server.instances).toHaveLength(3);
  });

  it('takes the spot offer that the market makes the cheaper one, and books what it costs there', async () => {
    await until('prices are told', async () => server.calls('DescribeSpotPriceHistory') > 0);
    await site.ask(['pool', 'scale', 'market', '--min', '1']);
    await until('a machine is free', async () => (await free('market')) === 1);
    const [machine] = await inPool('market');
    expect(machine).toMatchObject({ offer: 'dear', price: { perHour: 0.05, currency: 'USD' } });
  });

  it('launches in another zone at once where one has no capacity', async () => {
    server.levers.capacity = { 'c5.large:us-east-1a': 0 };
    await site.ask(['pool', 'scale', 'zones', '--min', '2']);
    await until('two machines are free', async () => (await free('zones')) === 2);
    expect((await inPool('zones')).map(({ offer }) => offer)).toEqual(['in-b', 'in-b']);
  });
});
