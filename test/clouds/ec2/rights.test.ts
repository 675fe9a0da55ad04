import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectionTo } from '../../../src/clouds/ec2/client.ts';
import { type Exchange, exchangeThrough } from '../../../src/clouds/ec2/exchange.ts';
import { diskMemory } from '../../../src/clouds/ec2/image.ts';
import { findLeaks, leakFindings } from '../../../src/clouds/ec2/leaks.ts';
import { rightsFindings } from '../../../src/clouds/ec2/rights.ts';
import type { CheckedOffer } from '../../../src/clouds/port.ts';
import { SiteId } from '../../../src/model/ids.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { aCheckedOffer, settingsFor, site, soon } from './connection.ts';

let server: LoopbackEc2;
let exchange: Exchange;
let close: () => void;
beforeEach(async () => {
  server = await startLoopbackEc2();
  const connection = connectionTo(settingsFor(server.endpoint));
  exchange = exchangeThrough(connection);
  close = () => connection.client.destroy();
});
afterEach(async () => {
  close();
  await server.stop();
});

const ours = SiteId(site);
const ourTags = { 'spillway:site': site };
const findings = (offers: readonly CheckedOffer[], living: string | null = null) =>
  rightsFindings(exchange, diskMemory(exchange), { site: ours, offers, living }, soon());

describe('rights', () => {
  it('are tried out with each offer’s own create call and a machine’s end, and nothing is done', async () => {
    const [machine] = server.preload(1, { mark: () => ({ clientToken: '', tags: ourTags }) });
    const fleet = {
      launchTemplate: { id: 'lt-0123456789abcdef0', version: 1 },
      fleet: { types: ['c5.xlarge'] },
    };
    const offers = [aCheckedOffer('one', {}), aCheckedOffer('two', {}, 'spot'), aCheckedOffer('all', fleet)];
    expect(await findings(offers, machine?.id ?? '')).toEqual([
      { verdict: 'ok', message: expect.stringContaining('may be launched'), offers: ['one', 'two', 'all'] },
      { verdict: 'ok', message: 'machines of this site may be ended' },
    ]);
    expect(server.living()).toHaveLength(1);
    expect(server.instances).toHaveLength(1);
  });

  it('that are lacking are errors, each with what lacks them', async () => {
    const [machine] = server.preload(1, { mark: () => ({ clientToken: '', tags: ourTags }) });
    server.levers.denied = ['RunInstances', 'TerminateInstances'];
    expect(await findings([aCheckedOffer('one', {})], machine?.id ?? '')).toEqual([
      { verdict: 'error', message: expect.stringContaining('UnauthorizedOperation'), offers: ['one'] },
      { verdict: 'error', message: expect.stringContaining('TerminateInstances: UnauthorizedOperation') },
    ]);
  });

  it('show what is wrong with an offer, and are not known where nothing can be tried', async () => {
    const wrong = aCheckedOffer('wrong', { image: 'ami-0bad' });
    const [launch, end] = await findings([wrong]);
    expect(launch).toMatchObject({ verdict: 'error', offers: ['wrong'] });
    expect(end).toMatchObject({ verdict: 'unknown' });
    server.fault('RunInstances', { kind: 'error', status: 503, code: 'RequestLimitExceeded' });
    expect((await findings([aCheckedOffer('one', {})]))[0]).toMatchObject({ verdict: 'unknown' });
  });
});

describe('what is left behind', () => {
  it('is nothing while machines live and when their volumes went with them', async () => {
    server.preload(2, { mark: () => ({ clientToken: '', tags: ourTags }) });
    expect(await leakFindings(exchange, ours, soon())).toMatchObject([{ verdict: 'ok' }]);
  });

  it('are volumes of this site that are attached to nothing', async () => {
    const volumes = [{ device: '/dev/sdb', endsWithMachine: false }];
    const mark = (tags: Readonly<Record<string, string>>) => () => ({ clientToken: '', tags });
    const [lost] = server.preload(1, { volumes, mark: mark(ourTags) });
    const [other] = server.preload(1, { volumes, mark: mark({ 'spillway:site': 'site-b' }) });
    const [living] = server.preload(1, { volumes, mark: mark(ourTags) });
    for (const one of [lost, other]) server.kill(one?.id ?? '');
    const id = `vol-${lost?.id.slice(2)}0`;
    expect(await findLeaks(exchange, ours, soon())).toEqual([{ kind: 'volume', id, sizeGiB: 8 }]);
    expect(living && server.state(living)).toBe('running');
    expect(await leakFindings(exchange, ours, soon())).toEqual([
      {
        verdict: 'warning',
        message: expect.stringContaining(id),
        figures: { leaks: 1, sizeGiB: 8 },
      },
    ]);
    expect(server.writes()).toBe(0);
  });
});
