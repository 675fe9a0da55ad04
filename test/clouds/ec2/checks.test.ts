import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckedOffer, Cloud } from '../../../src/clouds/port.ts';
import type { CheckSubject } from '../../../src/model/check.ts';
import { CloudError } from '../../../src/model/errors.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { defaultImages } from '../../support/loopback-ec2/stock.ts';
import { aCheckedOffer, connectTo, soon } from './connection.ts';

let server: LoopbackEc2;
let cloud: Cloud;
beforeEach(async () => {
  const arm = { id: 'ami-0a12', name: 'arm', owner: 'self', rootDevice: '/dev/xvda', arch: 'arm64' } as const;
  server = await startLoopbackEc2({ images: [...defaultImages, arm] });
  cloud = connectTo(server.endpoint, {}, { wallNow: () => Date.now() });
});
afterEach(async () => {
  await cloud.close();
  await server.stop();
});

const launchTemplate = { id: 'lt-0123456789abcdef0', version: 1 };
const checks = (offers: readonly CheckedOffer[]) => cloud.checks?.({ offers, machinesMax: 10 }) ?? [];
const look = async (subject: CheckSubject, ...offers: readonly CheckedOffer[]) =>
  (await checks(offers)
    .find((check) => check.subject === subject)
    ?.run(soon())) ?? [];

describe('what is looked at of EC2', () => {
  it('is well where all is, and nothing is made or changed', async () => {
    server.levers.spotPrices = { 'c5.large:us-east-1b': 0.03 };
    const offers = [
      aCheckedOffer('a', {
        zone: 'us-east-1a',
        subnet: 'subnet-0a',
        securityGroups: ['sg-0a'],
        keyName: 'k',
      }),
      aCheckedOffer('b', { zone: 'us-east-1b', fleet: { types: ['c5.xlarge'] }, launchTemplate }, 'spot'),
    ];
    const subjects: string[] = [];
    for (const check of checks(offers)) {
      const { subject } = check;
      subjects.push(subject);
      const wrong = (await check.run(soon())).filter(
        ({ verdict }) => verdict === 'warning' || verdict === 'error',
      );
      expect(wrong, subject).toEqual([]);
    }
    expect(subjects[0]).toBe('login');
    expect(server.instances).toEqual([]);
  });

  it('is the log-in first', async () => {
    expect(await look('login')).toEqual([
      { verdict: 'ok', message: 'EC2 answers; zones: us-east-1a, us-east-1b' },
    ]);
    server.levers.denied = ['DescribeAvailabilityZones'];
    await expect(look('login')).rejects.toBeInstanceOf(CloudError);
  });

  it('is the clock, by which requests are signed', async () => {
    expect(await look('clock')).toMatchObject([{ verdict: 'unknown' }]);
    await look('login');
    expect(await look('clock')).toMatchObject([{ verdict: 'ok' }]);
    const late = connectTo(server.endpoint, {}, { wallNow: () => Date.now() - 600_000 });
    const [login, clock] = late.checks?.({ offers: [], machinesMax: 1 }) ?? [];
    await login?.run(soon());
    expect(await clock?.run(soon())).toMatchObject([{ verdict: 'error' }]);
    await late.close();
  });

  it('are rights, by calls that are not carried out', async () => {
    expect(await look('rights', aCheckedOffer('a', {}))).toMatchObject([
      { verdict: 'ok', figures: { instances: 0 } },
      { verdict: 'ok', offers: ['a'] },
      { verdict: 'unknown' },
    ]);
  });

  it.each([
    ['zones', { zone: 'us-east-1x' }, 'error', 'there is no zone us-east-1x'],
    ['flavors', { type: 't3.micro' }, 'error', 't3.micro has less than the offer says: 1GiB of 4GiB memory'],
    ['flavors', { type: 'c9.large' }, 'error', 'c9.large'],
    ['images', { image: 'ami-0bad' }, 'error', 'ami-0bad'],
    ['images', { image: 'ami-0a12' }, 'error', 'is for aarch64, and c5.large is x86_64'],
    ['networks', { subnet: 'subnet-dead' }, 'error', 'subnet-dead'],
    ['networks', { subnet: 'subnet-f0a' }, 'warning', 'subnet-f0a has no free address'],
    ['networks', { subnet: 'subnet-0b', zone: 'us-east-1a' }, 'error', 'subnet-0b is in us-east-1b'],
    ['networks', { securityGroups: ['sg-dead'] }, 'error', 'sg-dead'],
    ['keys', { keyName: 'gone' }, 'error', 'gone'],
  ] as const)('%s: %j', async (subject, boot, verdict, message) => {
    const findings = await look(subject, aCheckedOffer('wrong', boot), aCheckedOffer('right', {}));
    expect(findings).toEqual([
      expect.objectContaining({ verdict, message: expect.stringContaining(message), offers: ['wrong'] }),
    ]);
  });

  it('is where types are sold: a fleet can do without one, an offer of one type cannot', async () => {
    server.levers.capacity = { 'c5.large:us-east-1a': 0 };
    const fleet = { launchTemplate, fleet: { zones: ['us-east-1a', 'us-east-1b'] } };
    const findings = await look(
      'flavors',
      aCheckedOffer('one', { zone: 'us-east-1a' }),
      aCheckedOffer('fleet', fleet),
    );
    expect(findings.map(({ verdict, offers }) => [verdict, offers])).toEqual([
      ['error', ['one']],
      ['warning', ['fleet']],
    ]);
  });

  it('are spot prices', async () => {
    server.levers.spotPrices = { 'c5.large:us-east-1b': 0.03 };
    const spot = [aCheckedOffer('a', {}, 'spot'), aCheckedOffer('b', { type: 'r5.xlarge' }, 'spot')];
    expect(await look('prices', ...spot, aCheckedOffer('c', {}))).toEqual([
      { verdict: 'ok', message: '0.03 USD/h now', offers: ['a'], figures: { perHour: 0.03 } },
      { verdict: 'warning', message: 'EC2 tells no spot price of it', offers: ['b'] },
    ]);
  });
});
