import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type OpenStack, openStack } from '../../src/clouds/openstack/client/client.ts';
import { openstackDriver } from '../../src/clouds/openstack/driver.ts';
import { decodeMark, markKeys } from '../../src/clouds/openstack/mark.ts';
import { openstackSettings } from '../../src/clouds/openstack/settings.ts';
import { Secret } from '../../src/config/secrets.ts';
import { CloudName, SiteId } from '../../src/model/ids.ts';
import type { CallKind, CloudUnderTest, Fault, TrueInstance } from '../conformance/driver/harness.ts';
import type { DriverHarness } from '../conformance/driver-cases.ts';
import { type ProxiedCall, type ProxyFault, startFaultingProxy } from '../support/faultingProxy.ts';
import type { OpenstackTestbed } from '../support/testbed.ts';

/** Nothing of the cloud's own takes longer; more time than that passes for the driver only. */
const waitMaxMs = 10_000;
const goneMaxMs = 60_000;

const noToken = 'Nova has no idempotency token (replaySafe: false): what was made is looked for instead';
const later = 'Nova accepts it and says so later, in the list; test/clouds/openstack has a test for it';
const many = 'the testbed takes minutes to make so many; the loopback services do, and 200 are made below';

export const testbedGaps: DriverHarness['gaps'] = {
  'makes nothing more when the same intent is sent again': noToken,
  'makes nothing more when the same intent is sent side by side': noToken,
  'leaves an intent in doubt when it is sent again with other contents': noToken,
  'a lost answer and the same intent again make each machine once': noToken,
  'takes fewer machines where there is room for fewer': later,
  'no room is capacity': later,
  'lists 1,000 machines and more, each once': many,
  'misses no machine that stays while others come and go': many,
  'bears a view that lags, and calls nothing gone for it': 'Nova shows a server from the answer on',
  'says of a machine on its way what it is, and ends it': 'its end waits for the hypervisor to have built it',
  'shows a machine that has ended as gone, or not at all': 'it shows it as ending for a second or so',
  'lets no secret out when the cloud repeats the request':
    'recorded answers of Nova do, in test/clouds/openstack',
};

const json = { 'content-type': 'application/json' };

/** What the proxy in front of Nova does; the end of a server has no body that it could spoil, so it gets one. */
function wireFault(kind: CallKind, fault: Fault): ProxyFault {
  const instead = (body: string, headers = json): ProxyFault => ({
    kind: 'answer',
    when: 'after',
    answer: { status: 200, headers, body },
  });
  switch (fault) {
    case 'throttled': {
      const body = '{"overLimit":{"code":429,"message":"This request was rate-limited."}}';
      return {
        kind: 'answer',
        when: 'before',
        answer: { status: 429, headers: { ...json, 'retry-after': '7' }, body },
      };
    }
    case 'trouble': {
      const body = '{"computeFault":{"code":500,"message":"Unexpected API Error."}}';
      return { kind: 'answer', when: 'before', answer: { status: 500, headers: json, body } };
    }
    case 'cutBefore':
      return { kind: 'cut', when: 'before' };
    case 'cutAfter':
      return { kind: 'cut', when: 'after' };
    case 'hang':
      return { kind: 'hang', when: 'after' };
    case 'halfCut':
      return kind === 'end' ? { kind: 'cut', when: 'after' } : { kind: 'truncated', ending: 'cut' };
    case 'halfWhole':
      return kind === 'end' ? instead('{') : { kind: 'truncated', ending: 'whole' };
    case 'oversized':
      return kind === 'end' ? instead(' '.repeat(100e6)) : { kind: 'oversize', bytes: 100e6 };
    case 'foreign':
      return instead('<html><body>Welcome to the hotel</body></html>', { 'content-type': 'text/html' });
    case 'empty':
      return instead('');
    case 'echo':
      throw new Error('the proxy cannot repeat a request');
  }
}

function kindOf({ method, path }: ProxiedCall): CallKind | null {
  if (method === 'POST' && path.endsWith('/servers')) return 'create';
  if (method === 'GET' && /\/servers\/detail/.test(path)) return 'list';
  return method === 'DELETE' && /\/servers\/[^/]+$/.test(path) ? 'end' : null;
}

/** The OpenStack driver on real services (scripts/testbed/openstack), emptied for each case, with a bad network before Nova. */
export async function startOpenstackOnTestbed(testbed: OpenstackTestbed): Promise<CloudUnderTest> {
  const signal = AbortSignal.timeout(600_000);
  await testbed.clean();
  const admin = asAdmin(testbed);
  const mine = asUser(testbed);
  const demo = await mine.session.projectId(signal);
  await setQuota(admin, demo, 2000, signal);
  const compute = (await admin.session.find('compute', signal)) ?? '';
  const proxy = await startFaultingProxy({ endpoint: compute });
  const identity = await startFaultingProxy({ endpoint: testbed.authUrl });
  const counts = new Map<CallKind, number>();
  const tokens = new Set<string>();
  // Set first, so it sees all calls; it never fits.
  proxy.set({
    fault: { kind: 'stale' },
    fits: (call) => {
      tokens.add(String(call.headers['x-auth-token']));
      const kind = kindOf(call);
      if (kind !== null) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return false;
    },
  });
  const wrong = 'wrong-password-of-nobody';
  const boot = { image: testbed.image, flavor: testbed.flavor, networks: 'none' };

  return {
    driver: openstackDriver,
    boot,
    bootUnknown: { ...boot, image: 'no-such-image' },
    lacking: { market: 'spot' },
    secrets: [testbed.password, wrong],
    connect({ site, clock, log, to = 'cloud' }) {
      const settings = openstackSettings.parse({
        authUrl: to === 'nowhere' ? 'http://127.0.0.1:1/v3' : identity.endpoint,
        region: testbed.region,
        endpoints: { compute: proxy.endpoint },
        password: { user: testbed.user, project: testbed.project, password: 'env:UNREAD' },
      });
      if (settings.password === undefined) throw new Error('no password in the settings');
      const password = Secret.of(to === 'wrong' ? wrong : testbed.password);
      return openstackDriver.create(
        { ...settings, password: { ...settings.password, password } },
        { site: SiteId(site), cloud: CloudName('testbed'), clock, log },
      );
    },
    truth: () => truth(admin, demo, signal),
    preload: async () => {
      throw new Error('too slow on this server');
    },
    stranger: async () => {
      const [image] = await mine.image.images({ name: testbed.image }, signal);
      const flavors = await mine.compute.flavors(signal);
      const flavorRef = flavors.find((one) => one.name === testbed.flavor)?.id;
      const server = {
        name: 'somebody-elses',
        imageRef: image?.id,
        flavorRef,
        networks: 'none',
        tags: ['web'],
      };
      await mine.compute.create({ server, schedulerHints: null, secrets: [] }, signal);
    },
    slow: async ({ bootMs, stopMs }) => {
      // One that no host has yet is deleted at once, however long its destruction would take.
      await until(async () => (await rowsOf(admin, demo, signal)).every(({ status }) => status !== 'BUILD'));
      testbed.setLevers({ lab_spawn_s: bootMs / 1000, lab_destroy_s: stopMs / 1000 });
    },
    lag: async () => {
      throw new Error('the testbed shows what there is');
    },
    elapse: async (ms) => {
      if (ms > waitMaxMs) return;
      await delay(ms);
      await until(
        async () => !(await rowsOf(admin, demo, signal)).some((row) => isEnding(row) || isUnplaced(row)),
      );
    },
    room: async () => {
      throw new Error('the testbed has room');
    },
    allowance: (instances) => setQuota(admin, demo, instances, signal),
    fault: async (kind, fault, times = 1) => {
      proxy.set({ fault: wireFault(kind, fault), fits: (call) => kindOf(call) === kind, times });
    },
    session: {
      // Nova itself goes on taking a token that was revoked, for as long as it remembers to have checked it.
      expire: async () => {
        const old = new Set(tokens);
        const answer = { status: 401, headers: json, body: '{"error":{"code":401,"title":"Unauthorized"}}' };
        proxy.set({
          fault: { kind: 'answer', when: 'before', answer },
          fits: ({ headers }) => old.has(String(headers['x-auth-token'])),
          times: Number.POSITIVE_INFINITY,
        });
      },
      logIns: async () => identity.calls('POST /v3/auth/tokens'),
    },
    calls: async (kind) => counts.get(kind) ?? 0,
    stop: async () => {
      await identity.stop();
      await proxy.stop();
      await mine.close();
      await admin.close();
    },
  };
}

const domain = { id: 'default' };

function clientOf(testbed: OpenstackTestbed, user: string, password: string, project: string): OpenStack {
  return openStack({
    authUrl: testbed.authUrl,
    credentials: {
      kind: 'password',
      user: { name: user, domain },
      password,
      project: { name: project, domain },
    },
    place: { region: testbed.region, interface: 'public' },
    endpoints: {},
    ca: null,
    verify: true,
    clock: { monotonicNow: () => performance.now() },
  });
}

const asAdmin = (testbed: OpenstackTestbed) => clientOf(testbed, 'admin', testbed.adminPassword, 'admin');
const asUser = (testbed: OpenstackTestbed) =>
  clientOf(testbed, testbed.user, testbed.password, testbed.project);

const version = { 'openstack-api-version': 'compute 2.93' };

async function setQuota(admin: OpenStack, project: string, instances: number, signal: AbortSignal) {
  await admin.session.request(
    {
      call: 'set quota',
      service: 'compute',
      method: 'PUT',
      path: `/os-quota-sets/${project}`,
      headers: version,
      body: { quota_set: { instances } },
      expect: [200],
    },
    signal,
  );
}

const rowsShape = z.object({
  servers: z.array(
    z.object({
      id: z.string(),
      status: z.string(),
      tenant_id: z.string(),
      metadata: z.record(z.string(), z.string()),
      'OS-EXT-STS:task_state': z.string().nullish(),
      'OS-EXT-SRV-ATTR:user_data': z.string().nullish(),
    }),
  ),
});

/** Of one project, as an administrator sees them: user data are not shown to others. */
async function rowsOf(admin: OpenStack, project: string, signal: AbortSignal) {
  const path = `/servers/detail?all_tenants=1&project_id=${project}`;
  const call = { call: 'list servers', service: 'compute', path, headers: version, expect: [200] } as const;
  const answer = await admin.session.request(call, signal);
  const { servers } = rowsShape.parse(JSON.parse(answer.body.toString('utf8')));
  return servers.filter((row) => row.tenant_id === project && row.status !== 'DELETED');
}

interface Task {
  readonly 'OS-EXT-STS:task_state'?: string | null | undefined;
}
const isEnding = (row: Task) => row['OS-EXT-STS:task_state'] === 'deleting';
const isUnplaced = (row: Task) => row['OS-EXT-STS:task_state'] === 'scheduling';

async function truth(
  admin: OpenStack,
  project: string,
  signal: AbortSignal,
): Promise<readonly TrueInstance[]> {
  return (await rowsOf(admin, project, signal)).map((row) => {
    const userData = row['OS-EXT-SRV-ATTR:user_data'] ?? null;
    return {
      cloudId: row.id,
      site: decodeMark(row.metadata[markKeys.site]),
      intent: decodeMark(row.metadata[markKeys.intent]),
      pool: decodeMark(row.metadata[markKeys.pool]),
      offer: decodeMark(row.metadata[markKeys.offer]),
      living: !isEnding(row),
      userData: userData === null ? null : Buffer.from(userData, 'base64'),
    };
  });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + goneMaxMs;
  while (!(await isSo())) {
    if (performance.now() > untilMs) throw new Error('servers stay as they are');
    await delay(200);
  }
}
