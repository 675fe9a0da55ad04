import { openstackDriver } from '../../../src/clouds/openstack/driver.ts';
import { decodeMark, encodeMark, intentTag, markKeys, ownerTag } from '../../../src/clouds/openstack/mark.ts';
import { openstackSettings } from '../../../src/clouds/openstack/settings.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { CloudName, IntentId, SiteId } from '../../../src/model/ids.ts';
import type { CallKind, CloudUnderTest, Fault as NamedFault } from '../../conformance/driver/harness.ts';
import { type Fault, transportFaults } from '../loopback/faults.ts';
import { account } from './keystone.ts';
import { startLoopbackOpenstack } from './server.ts';
import { addServer, demoProject, isLiving, type World } from './world.ts';

export const kinds: Readonly<Record<CallKind, string>> = {
  create: 'POST /servers',
  list: 'GET /servers/detail',
  end: 'DELETE /servers/ID',
};

const wireFaults: Readonly<Record<NamedFault, Fault>> = {
  throttled: {
    kind: 'error',
    status: 429,
    code: 'This request was rate-limited.',
    headers: { 'retry-after': '7' },
  },
  trouble: { kind: 'error', status: 500, code: 'Unexpected API Error. Please report this.' },
  ...transportFaults,
  echo: { kind: 'echo', status: 400, code: 'Bad request' },
};

const wrongPassword = 'wrong-password-of-nobody';

/** The OpenStack driver on the loopback services, for the conformance suite. */
export async function startOpenstackOnLoopback(): Promise<CloudUnderTest> {
  const server = await startLoopbackOpenstack();
  const { world } = server;
  return {
    driver: openstackDriver,
    boot: { image: 'worker-a', flavor: 'm1.small', networks: 'none' },
    lacking: { market: 'spot' },
    bootUnknown: { image: 'no-such-image', flavor: 'm1.small', networks: 'none' },
    secrets: [account.password, wrongPassword],
    connect: ({ site, clock, log, to = 'cloud' }) =>
      openstackDriver.create(
        withPassword(
          to === 'nowhere' ? 'http://127.0.0.1:1/v3' : server.authUrl,
          to === 'wrong' ? wrongPassword : account.password,
        ),
        { site: SiteId(site), cloud: CloudName('loopback'), clock, log },
      ),
    truth: async () =>
      world.servers.map((one) => ({
        cloudId: one.id,
        site: decodeMark(one.metadata[markKeys.site]),
        intent: decodeMark(one.metadata[markKeys.intent]),
        pool: decodeMark(one.metadata[markKeys.pool]),
        offer: decodeMark(one.metadata[markKeys.offer]),
        living: isLiving(world, one),
        userData: one.userData,
      })),
    preload: async (site, count) => {
      for (let n = 0; n < count; n += 1) preload(world, site, `preloaded-${n}`);
    },
    stranger: async () => {
      addServer(world, { ...plain(world), name: 'somebody-elses', tags: ['web'], createdAtMs: -1000 });
    },
    slow: async (times) => {
      Object.assign(world.levers, times);
    },
    lag: async (ms) => {
      world.levers.lagMs = ms;
    },
    elapse: async (ms) => server.advance(ms),
    room: async (instances) => {
      world.levers.room = instances;
    },
    allowance: async (instances) => {
      world.levers.instancesMax = instances;
    },
    session: {
      expire: async () => {
        for (const token of world.tokens.values()) token.revoked = true;
      },
      logIns: async () => server.calls('POST /identity/v3/auth/tokens'),
    },
    fault: async (kind, fault, times) => server.fault(kinds[kind], wireFaults[fault], times),
    calls: async (kind) => server.calls(kinds[kind]),
    stop: () => server.stop(),
  };
}

/** A cloud's settings as the config gives them, with a password that has been read. */
export function withPassword(authUrl: string, text: string) {
  const read = openstackSettings.parse({
    authUrl,
    region: 'RegionOne',
    password: { user: account.user, project: 'demo', password: 'env:UNREAD' },
  });
  if (read.password === undefined) throw new Error('no password in the settings');
  return { ...read, password: { ...read.password, password: Secret.of(text) } };
}

function plain(world: World) {
  const [flavor] = world.flavors;
  if (flavor === undefined) throw new Error('no flavor');
  const image = world.images[0]?.id ?? null;
  return {
    project: demoProject,
    name: 'plain',
    flavor,
    image,
    metadata: {},
    tags: [],
    userData: null,
    reservation: 'r-0',
  };
}

export function preload(world: World, site: string, intent: string) {
  const tags = [ownerTag(SiteId(site)), intentTag(IntentId(intent))];
  const metadata = { [markKeys.site]: encodeMark(site), [markKeys.intent]: encodeMark(intent) };
  return addServer(world, { ...plain(world), name: `${intent}-0`, tags, metadata, createdAtMs: -1000 });
}
