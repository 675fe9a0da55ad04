import { afterEach, describe, expect, it } from 'vitest';
import type { OpenStack } from '../../../src/clouds/openstack/client/client.ts';
import { cloudErrorOf } from '../../../src/clouds/openstack/errors.ts';
import { instanceOf } from '../../../src/clouds/openstack/instances.ts';
import { CloudError, type CloudErrorCode } from '../../../src/model/errors.ts';
import { type Replay, replayPassword, startReplay } from '../../support/openstack/replay.ts';

/** Answers that were recorded from real services: what the client makes of them, and the driver of that. */
const signal = AbortSignal.timeout(60_000);

let replay: Replay | null = null;
afterEach(async () => {
  await replay?.stop();
  replay = null;
});

async function behind(answers: Parameters<typeof startReplay>[0]): Promise<OpenStack> {
  replay = await startReplay(answers);
  return replay.client;
}

const create = ({ compute }: OpenStack) =>
  compute.create({ server: { name: 'x' }, schedulerHints: null, secrets: [] }, signal);
const list = ({ compute }: OpenStack) => compute.servers({ tags: ['t'] }, signal);
const remove = ({ compute }: OpenStack) => compute.remove('2bbfc607', signal);
const address = ({ network }: OpenStack) =>
  network.createFloatingIp({ network: 'n', port: 'p', description: 'd' }, signal);

async function refusal(work: Promise<unknown>, write: boolean): Promise<CloudError> {
  const thrown = await work.then(
    (value) => new Error(`no error, but ${JSON.stringify(value)}`),
    (error: unknown) => cloudErrorOf(error, { write }),
  );
  if (!(thrown instanceof CloudError)) throw thrown;
  expect(thrown.message).not.toContain(replayPassword);
  expect(thrown.message.length).toBeLessThan(500);
  return thrown;
}

describe('recorded refusals', () => {
  const ofCreate: readonly (readonly [string, CloudErrorCode, boolean])[] = [
    ['create-bad-flavor-400', 'invalid', false],
    ['create-bad-image-400', 'invalid', false],
    ['create-bad-az-400', 'invalid', false],
    ['create-bad-keypair-400', 'invalid', false],
    ['create-tags-51-400', 'invalid', false],
    ['create-unknown-field-400', 'invalid', false],
    ['create-userdata-too-big-400', 'invalid', false],
    ['create-body-413', 'invalid', false],
    ['server-create-networks-auto', 'invalid', false],
    ['quota-cores-403', 'quota', false],
    ['quota-several-403', 'quota', false],
    ['quota-instances-403', 'quota', false],
    ['create-port-quota', 'quota', false],
    ['force-host-403', 'auth', false],
    ['nova-expired-token-create-401', 'auth', false],
    ['microversion-too-new-406', 'unsupported', false],
    ['outage-db-create', 'unavailable', true],
    ['outage-glance-create', 'unavailable', true],
    ['outage-neutron-create', 'unavailable', true],
    ['outage-keystone-new-token', 'unavailable', true],
    ['path-404', 'unavailable', false],
  ];
  it.each(ofCreate)('of a create: %s is %s', async (name, code, inDoubt) => {
    const client = await behind({ 'POST /v2.1/servers': name });
    expect(await refusal(create(client), true)).toMatchObject({ code, inDoubt });
  });

  const ofList: readonly (readonly [string, CloudErrorCode])[] = [
    ['nova-bad-token-401', 'auth'],
    ['nova-expired-token-401', 'auth'],
    ['servers-all-tenants-403', 'auth'],
    ['servers-unknown-filter', 'invalid'],
    ['outage-db-list', 'unavailable'],
    ['outage-neutron-list', 'unavailable'],
    ['outage-keystone-new-token', 'unavailable'],
    // A path that Nova does not know is answered with the ones that it does.
    ['path-404-outside', 'unavailable'],
    // The answer of a server that was asked in another microversion: its filters mean nothing.
    ['servers-by-tags-mv-2.1', 'unavailable'],
    ['microversion-absent-is-2.1', 'unavailable'],
  ];
  it.each(ofList)('of a list: %s is %s', async (name, code) => {
    const client = await behind({ 'GET /v2.1/servers/detail': name });
    expect(await refusal(list(client), false)).toMatchObject({ code, inDoubt: false });
  });

  const ofLogIn: readonly (readonly [string, CloudErrorCode])[] = [
    ['token-wrong-password-401', 'auth'],
    ['token-appcred-wrong-secret-401', 'auth'],
    ['token-appcred-with-scope-401', 'auth'],
    ['token-appcred-deleted-404', 'auth'],
    ['token-password-unscoped', 'auth'],
    ['outage-db-token', 'unavailable'],
  ];
  it.each(ofLogIn)('of a log-in: %s is %s, and the create was not sent', async (name, code) => {
    const client = await behind({ 'POST /v3/auth/tokens': name });
    expect(await refusal(create(client), true)).toMatchObject({ code, inDoubt: false });
    expect(replay?.calls).toEqual(['POST /v3/auth/tokens']);
  });

  const ofAddress: readonly (readonly [string, CloudErrorCode])[] = [
    ['floatingip-quota-409', 'quota'],
    ['floatingip-exhausted', 'capacity'],
    ['floatingip-second-on-port-409', 'invalid'],
    ['neutron-bad-token-401', 'auth'],
  ];
  it.each(ofAddress)('of a floating address: %s is %s', async (name, code) => {
    const client = await behind({ 'POST /v2.0/floatingips': name });
    expect(await refusal(address(client), true)).toMatchObject({ code, inDoubt: false });
  });

  it('that repeat what was sent are cut before it', async () => {
    const client = await behind({
      'POST /v2.1/servers': ['create-unknown-field-400', 'create-userdata-too-big-400'],
    });
    const unknown = await refusal(create(client), true);
    expect(unknown.message).toMatch(
      /^create server: badRequest \(HTTP 400\) Invalid input for field\/attribute server\. \[req-/,
    );
    expect((await refusal(create(client), true)).message).not.toContain('YWFh');
  });

  it('of a locked server are no end of it', async () => {
    const client = await behind({ 'DELETE /v2.1/servers': 'delete-locked' });
    const error = await refusal(remove(client), true);
    expect(error).toMatchObject({ code: 'invalid', inDoubt: false });
    expect(error.message).toContain('is locked');
  });

  it('to a renewed token are sent once more and no oftener', async () => {
    await refusal(list(await behind({ 'GET /v2.1/servers/detail': 'nova-bad-token-401' })), false);
    expect(replay?.calls.filter((call) => call.startsWith('POST /v3/auth/tokens'))).toHaveLength(2);
    expect(replay?.calls.filter((call) => call.startsWith('GET /v2.1/servers/detail'))).toHaveLength(2);
  });
});

describe('recorded answers', () => {
  it('of a log-in with an application credential bring its project', async () => {
    const client = await behind({ 'POST /v3/auth/tokens': 'token-appcred' });
    expect(await client.session.projectId(signal)).toMatch(/^[0-9a-f]{32}$/);
  });

  it('of versions settle on the newest that both know', async () => {
    expect(await (await behind({})).compute.version(signal)).toBe('2.93');
    await replay?.stop();
    expect(await (await behind({ 'GET /v2.1/ ': 'nova-versions' })).compute.version(signal)).toBe('2.93');
  });

  it('of pages are read to the last, by the marker alone', async () => {
    const client = await behind({
      'GET /v2.1/servers/detail': ['servers-detail-page1', 'servers-detail-page2', 'servers-page-empty-last'],
    });
    const rows = await list(client);
    expect(rows.length).toBe(6);
    const pages = replay?.calls.filter((call) => call.includes('/servers/detail')) ?? [];
    expect(pages.map((call) => new URLSearchParams(call.slice(call.indexOf('?'))).get('marker'))).toEqual([
      null,
      '4bf03ce8-8940-44d6-b361-c79480ceb66b',
      'b3337630-269e-427d-98d7-897e73ec4d89',
    ]);
  });

  it('that do not know the marker begin the list anew', async () => {
    const client = await behind({
      'GET /v2.1/servers/detail': [
        'servers-detail-page1',
        'servers-bad-marker-400',
        'servers-detail-by-tags',
      ],
    });
    expect(await list(client)).toHaveLength(1);
  });

  const states = [
    ['server-get-active', 'running'],
    ['server-get-build', 'pending'],
    ['server-get-deleting', 'ending'],
    ['server-get-shutoff', 'stopped'],
    ['server-error-novalidhost', 'error'],
  ] as const;
  it.each(states)('of a server: %s is %s', async (name, state) => {
    const row = await (await behind({ 'GET /v2.1/servers/': name })).compute.server('x', signal);
    expect(row === null ? null : instanceOf(row).state).toBe(state);
  });

  it.each([
    ['server-error-novalidhost', 'No valid host was found.'],
    ['server-error-resched', 'Exceeded maximum number of retries.'],
    ['server-error-abort', 'aborted'],
    ['server-no-more-ips-fault', 'No fixed IP addresses available'],
    ['outage-placement-result', 'No valid host was found.'],
  ])('of a server that failed say why: %s', async (name, text) => {
    const row = await (await behind({ 'GET /v2.1/servers/': name })).compute.server('x', signal);
    const failed = row === null ? null : instanceOf(row);
    expect(failed?.fault).toContain(text);
    expect(failed?.faultCode).toBe('capacity');
  });

  // Nova shows no floating address yet, 3 s after Neutron has attached it.
  it.each([
    ['server-get-active', '10.99.1.146'],
    ['server-get-with-floatingip-3s', '10.99.3.4'],
    ['server-get-build', null],
  ])('give the address of %s', async (name, address) => {
    const row = await (await behind({ 'GET /v2.1/servers/': name })).compute.server('x', signal);
    expect(row === null ? null : instanceOf(row).address).toBe(address);
  });

  it.each(['server-get-deleted-404', 'server-id-not-uuid-404'])('of no server are null: %s', async (name) => {
    const client = await behind({ 'GET /v2.1/servers/': name });
    expect(await client.compute.server('x', signal)).toBeNull();
  });

  it('of a path that is wrong are not taken for a server that is gone', async () => {
    const client = await behind({ 'GET /v2.1/servers/': 'path-404', 'DELETE /v2.1/servers/': 'path-404' });
    expect(await refusal(client.compute.server('x', signal), false)).toMatchObject({ code: 'unavailable' });
    expect(await refusal(remove(client), true)).toMatchObject({ code: 'unavailable' });
  });

  it('of a deletion', async () => {
    const client = await behind({ 'DELETE /v2.1/servers/': ['delete-204', 'delete-404'] });
    expect(await remove(client)).toBe('accepted');
    expect(await remove(client)).toBe('notFound');
  });

  it('of a create call', async () => {
    const client = await behind({ 'POST /v2.1/servers': ['server-create-full', 'server-create-multi'] });
    expect(await create(client)).toEqual({ id: 'e65c7a48-3045-4faf-a724-58d8fed64c86' });
    expect(await create(client)).toEqual({ reservation: 'r-nmv8wpls' });
  });

  it('of the account', async () => {
    const { compute, image, network } = await behind({
      'GET /v2.1/flavors/detail': 'flavors-detail',
      'GET /v2.1/limits': 'limits',
      'GET /v2.1/os-availability-zone': 'availability-zones',
      'GET /v2/images': 'images-by-name',
      'GET /v2.0/networks': 'networks-by-name',
      'GET /v2.0/ports': 'ports-of-server',
    });
    expect(await compute.flavors(signal)).toContainEqual(
      expect.objectContaining({ id: '1', name: 'm1.nano', vcpus: 1, ram: 128, disk: 1 }),
    );
    expect(await compute.limits(signal)).toMatchObject({ maxTotalInstances: 2000, totalInstancesUsed: 0 });
    expect(await compute.zones(signal)).toContain('az-lab');
    expect(await image.images({ name: 'worker-b' }, signal)).toMatchObject([
      { id: 'c1704a3b-3f24-4f02-bd89-40103faa210f' },
      { id: '3d19a48c-6306-4df2-afce-57f5167e7aa3', build: '2' },
    ]);
    expect(await network.networks('labnet', signal)).toMatchObject([{ name: 'labnet', status: 'ACTIVE' }]);
    expect(await network.ports('x', signal)).toMatchObject([{ id: 'f9329bce-661e-4eb4-ad19-4f4300600f0c' }]);
  });

  it('in pages of flavors, images and networks are read to the last', async () => {
    const { compute, image, network } = await behind({
      'GET /v2.1/flavors/detail': ['flavors-detail-paged', 'flavors-detail'],
      'GET /v2/images': ['images-paged', 'images-by-name'],
      'GET /v2.0/networks': ['networks-paged', 'networks-by-name'],
    });
    const flavors = (await compute.flavors(signal)).map(({ id }) => id);
    expect(new Set(flavors).size).toBe(flavors.length);
    expect(await image.images({}, signal)).toHaveLength(4);
    expect((await network.networks(null, signal)).map(({ name }) => name)).toEqual(['tinynet', 'labnet']);
    const markers = replay?.calls.flatMap((call) => /marker=([^&]+)/.exec(call)?.[1] ?? []);
    expect(markers).toEqual([
      '2',
      '767edc19-07da-4f2f-a329-e79ea3ec05a5',
      '320a938d-e8d0-48b6-beb6-2683e660ae05',
    ]);
  });

  it('of a floating address', async () => {
    const client = await behind({ 'POST /v2.0/floatingips': 'floatingip-create-with-port' });
    expect(await address(client)).toMatchObject({
      description: 'spillway',
      floating_ip_address: '203.0.113.2',
      port_id: 'f9329bce-661e-4eb4-ad19-4f4300600f0c',
    });
  });

  it('of a call for five where the quota has room for two: two, numbered from one', async () => {
    const client = await behind({ 'GET /v2.1/servers/detail': 'quota-min1-max5-result' });
    const rows = await list(client);
    expect(rows.map(({ name }) => name).toSorted()).toEqual(['q-1', 'q-2']);
    const seats = rows.map((row) => instanceOf({ ...row, metadata: { spillway_seats: '5' } }).seat);
    expect(new Set(seats)).toEqual(new Set([0, 1]));
  });

  it('of a deleted server have neither metadata nor tags', async () => {
    const client = await behind({ 'GET /v2.1/servers/detail': 'servers-changes-since-deleted-metadata' });
    const rows = await list(client);
    expect(rows).toMatchObject([{ status: 'DELETED', metadata: {}, tags: [] }]);
    expect(rows.map((row) => instanceOf(row).state)).toEqual(['gone']);
  });

  it('of a token that Glance does not take are auth', async () => {
    const client = await behind({ 'GET /v2/images': 'glance-bad-token-401' });
    expect(await refusal(client.image.images({}, signal), false)).toMatchObject({ code: 'auth' });
  });

  it('of an image that is not there are Glance’s word for a path, and no proof', async () => {
    const client = await behind({ 'GET /v2/images': 'image-404' });
    expect(await refusal(client.image.images({}, signal), false)).toMatchObject({ code: 'unavailable' });
  });
});
