import { describe, expect, it } from 'vitest';
import { readCloudsYaml } from '../../../src/clouds/openstack/client/cloudsYaml.ts';
import { OpenStackFailure } from '../../../src/clouds/openstack/client/failure.ts';
import { openstackDriver } from '../../../src/clouds/openstack/driver.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { account } from '../../support/openstack/keystone.ts';
import { errorOf, openstackBench, settingsOf } from './bench.ts';

const authUrl = 'https://cloud.example.org:5000/v3';
const password = { user: 'farm', project: 'farm', password: 'env:FARM_PASSWORD' };
const applicationCredential = { id: 'abc', secret: 'env:FARM_SECRET' };
const cloudsYaml = { file: 'file:clouds.yaml', cloud: 'campus' };

describe('a cloud in the config', () => {
  it.each([
    { authUrl, password },
    { authUrl, password: { ...password, userDomain: 'farms', projectDomain: 'farms' } },
    { authUrl, applicationCredential },
    { authUrl, applicationCredential: { name: 'spillway', user: 'farm', secret: 'env:FARM_SECRET' } },
    { cloudsYaml },
    { cloudsYaml, region: 'RegionOne', interface: 'internal', caFile: '/etc/ssl/campus.pem', verify: false },
    { authUrl, password, endpoints: { compute: 'https://nova.example.org/v2.1' }, arch: 'aarch64' },
  ])('may be %j', (fields) => {
    expect(settingsOf(fields).error).toBeUndefined();
  });

  it.each([
    [{ authUrl }, 'say one of'],
    [{ authUrl, password, applicationCredential }, 'say one of'],
    [{ password }, 'URL of Keystone'],
    [{ authUrl, cloudsYaml }, 'URL of Keystone'],
    [{ authUrl: 'https://farm:secret@cloud.example.org/v3', password }, 'no credentials here'],
    [{ authUrl, password: { ...password, userId: 'u' } }, 'either `user` or `userId`'],
    [{ authUrl, password: { ...password, password: 'in-the-clear' } }, 'a secret is not written here'],
    [{ authUrl, applicationCredential: { name: 'spillway', secret: 'env:S' } }, 'say `user` or `userId`'],
    [{ authUrl, password, colour: 'blue' }, 'colour'],
  ])('may not be %j', (fields, text) => {
    const { error } = settingsOf(fields);
    expect(error?.message).toContain(text);
    expect(error?.message).not.toContain('in-the-clear');
  });
});

describe('an offer’s boot block', () => {
  const read = (boot: object) =>
    openstackDriver.offerSchema.safeParse({ image: 'worker', flavor: 'm1.small', ...boot });

  it.each([
    {},
    { image: { name: 'worker', newest: true } },
    { flavor: { fit: { cpus: 4, memory: '8GiB' } } },
    { networks: ['farm', 'storage'] },
    { metadata: { 'a key:1': 'é漢' }, tags: ['farm'] },
  ])('may be %j', (boot) => {
    expect(read(boot).error).toBeUndefined();
  });

  it.each([
    { image: {} },
    { image: { id: 'x', name: 'y' } },
    { flavor: { id: 'x', name: 'y' } },
    { flavor: { fit: { cpus: 0, memory: '8GiB' } } },
    { networks: [] },
    { networks: 'some' },
    { metadata: { spillway_site: 'other' } },
    { metadata: { 'a/b': '' } },
    { tags: ['spillway.site.other'] },
    { tags: ['Spillway.intent.x'] },
    { tags: ['a,b'] },
    { tags: ['x'.repeat(61)] },
    { bootVolume: {} },
  ])('may not be %j', (boot) => {
    expect(read(boot).success).toBe(false);
  });
});

describe('clouds.yaml', () => {
  const campus = `
clouds:
  campus:
    auth:
      auth_url: https://cloud.example.org:5000
      username: farm
      project_name: farm
      user_domain_name: farms
      project_domain_id: default
    region_name: RegionOne
    interface: internalURL
    cacert: /etc/ssl/campus.pem
  key:
    auth_type: v3applicationcredential
    auth: {auth_url: https://k.example.org, application_credential_id: abc, application_credential_secret: 12345}
    regions: [{name: North}]
    verify: false
  many:
    auth: {auth_url: https://m.example.org, user_id: u, password: p, project_id: q}
    regions: [North, South]
`;
  const secure = 'clouds: {campus: {auth: {password: from-secure-yaml}}}';

  it('gives user, project, place and certificates, the password from secure.yaml', () => {
    expect(readCloudsYaml(campus, secure, 'campus', null)).toEqual({
      authUrl: 'https://cloud.example.org:5000',
      credentials: {
        kind: 'password',
        user: { name: 'farm', domain: { name: 'farms' } },
        password: 'from-secure-yaml',
        project: { name: 'farm', domain: { id: 'default' } },
      },
      place: { region: 'RegionOne', interface: 'internal' },
      caFile: '/etc/ssl/campus.pem',
      verify: true,
    });
  });

  it('gives an application credential, whose secret may look like a number, and the only region', () => {
    expect(readCloudsYaml(campus, null, 'key', null)).toMatchObject({
      credentials: { kind: 'applicationCredential', credential: { id: 'abc' }, secret: '12345' },
      place: { region: 'North', interface: 'public' },
      verify: false,
    });
  });

  it('takes the region that the config says', () => {
    expect(readCloudsYaml(campus, null, 'many', 'South').place.region).toBe('South');
    expect(() => readCloudsYaml(campus, null, 'many', null)).toThrow('several regions');
  });

  it.each([
    [campus, 'nowhere', 'has no cloud "nowhere"'],
    [campus, 'campus', 'auth.password is missing'],
    ['clouds: [', 'campus', 'is not YAML'],
    ['- 1', 'campus', 'has no clouds'],
    ['clouds: {campus: {auth: {password: shown-never}}}', 'campus', 'auth_url'],
    ['clouds: {campus: {auth_type: v3oidc, auth: {auth_url: x}}}', 'campus', 'auth_type must be'],
  ])('is refused with what is wrong, and quotes nothing (%#)', (file, cloud, text) => {
    const read = () => readCloudsYaml(file, null, cloud, null);
    expect(read).toThrow(OpenStackFailure);
    expect(read).toThrow(text);
    expect(read).not.toThrow('shown-never');
  });

  it('is what a cloud may be reached by', async () => {
    const { connect, server, signal } = await openstackBench();
    const file = `clouds: {loop: {auth: {auth_url: '${server.authUrl}', username: demo, project_name: demo, password: '${account.password}'}, region_name: RegionOne}}`;
    const through = (cloud: string) =>
      connect({
        password: undefined,
        authUrl: undefined,
        region: undefined,
        cloudsYaml: { file: Secret.of(file), cloud },
      });
    expect(await through('loop').list(signal)).toEqual([]);
    const error = await errorOf(through('hoop').list(signal));
    expect(error).toMatchObject({ code: 'invalid', inDoubt: false });
    expect(error.message).not.toContain(account.password);
  });
});
