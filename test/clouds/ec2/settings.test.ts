import { describe, expect, it } from 'vitest';
import { ec2Offer, ec2Settings, poolsOf } from '../../../src/clouds/ec2/settings.ts';
import { Secret } from '../../../src/config/secrets.ts';

function problems(schema: typeof ec2Offer | typeof ec2Settings, input: unknown): readonly string[] {
  const { error } = schema.safeParse(input);
  return (error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

const fleetOf = (fleet: object) => ({ launchTemplate: { id: 'lt-0a', version: 1 }, fleet });
const typesNamed = (count: number) => Array.from({ length: count }, (_, n) => `c5.x${n}`);

const boot = { image: 'ami-0123456789abcdef0', type: 'c5.large' };

describe("a cloud's settings", () => {
  it('need a region and nothing else', () => {
    expect(ec2Settings.parse({ region: 'eu-central-1' })).toEqual({
      region: 'eu-central-1',
      imageOwners: ['self'],
    });
  });

  it('hold credentials by reference only', () => {
    const { credentials } = ec2Settings.parse({
      region: 'us-east-1',
      endpoint: 'https://ec2.example.org:8773/services/Cloud',
      credentials: { accessKeyId: 'env:KEY', secretAccessKey: 'file:/etc/key', sessionToken: 'file:token' },
    });
    expect(Object.values(credentials ?? {}).every((value) => value instanceof Secret)).toBe(true);
  });

  it('refuse a literal secret and do not repeat it', () => {
    const credentials = { accessKeyId: 'env:KEY', secretAccessKey: 'wJalrXUtnFEMIK7MDENG' };
    const found = problems(ec2Settings, { region: 'us-east-1', credentials });
    expect(found).toEqual([expect.stringContaining('credentials.secretAccessKey:')]);
    expect(found.join()).not.toContain('wJalr');
  });

  it.each([
    [{}, 'region: '],
    [{ region: 'US East' }, 'region: expected a region, as in eu-central-1'],
    [{ region: 'r', endpoint: 'ec2.example.org' }, 'endpoint: expected the URL of the API'],
    [{ region: 'r', endpoint: 'ftp://ec2.example.org' }, 'endpoint: expected the URL of the API'],
    [{ region: 'r', endpoint: 'https://me:pw@ec2.example.org' }, 'endpoint: a URL holds no credentials'],
    [{ region: 'r', credentials: { accessKeyId: 'env:K' } }, 'credentials.secretAccessKey: '],
    [{ region: 'r', profile: '' }, 'profile: expected the name of a profile'],
    [
      { region: 'r', profile: 'p', credentials: { accessKeyId: 'env:K', secretAccessKey: 'env:K' } },
      'profile: credentials are given already',
    ],
    [{ region: 'r', imageOwners: [] }, 'imageOwners: '],
    [{ region: 'r', imageOwners: ['me'] }, 'imageOwners.0: expected self, amazon or an account number'],
    [{ region: 'r', reigon: 'r' }, 'Unrecognized key: "reigon"'],
  ])('refuse %j', (input, message) => {
    expect(problems(ec2Settings, input)).toEqual([expect.stringContaining(message)]);
  });
});

describe("an offer's boot block", () => {
  it('needs an image and a type', () => {
    expect(ec2Offer.parse(boot)).toEqual({ ...boot, tags: {}, metadata: { tokens: 'required' } });
    expect(problems(ec2Offer, {})).toHaveLength(2);
  });

  it('may say all this', () => {
    const whole = {
      ...boot,
      zone: 'us-east-1a',
      subnet: 'subnet-0123456789abcdef0',
      securityGroups: ['sg-0123456789abcdef0'],
      keyName: 'my key',
      instanceProfile: 'arn:aws:iam::123456789012:instance-profile/worker',
      tags: { Name: 'mine', 'cost:centre': '42' },
      rootVolume: { size: '50GiB', type: 'gp3', encrypted: true },
      publicAddress: true,
      metadata: { tokens: 'optional', hops: 2 },
      launchTemplate: { id: 'lt-0123456789abcdef0', version: 7 },
      spotPriceMax: 0.05,
    };
    const rootVolume = { ...whole.rootVolume, size: 50 * 1024 };
    expect(ec2Offer.parse(whole)).toEqual({ ...whole, rootVolume });
  });

  it.each([
    [{ image: 'debian-12' }, 'image: expected an image, as in ami-0123456789abcdef0'],
    [{ type: 'large' }, 'type: expected an instance type, as in c5.large'],
    [{ subnet: 'my-subnet' }, 'subnet: expected a subnet'],
    [{ securityGroups: ['default'] }, 'securityGroups.0: expected a security group'],
    [{ securityGroups: [] }, 'securityGroups: '],
    [{ rootVolume: { size: 50 } }, 'rootVolume.size: 50 has no unit'],
    [{ rootVolume: { size: '50GiB', type: 'fast' } }, 'rootVolume.type: '],
    [{ tags: { 'aws:x': 'y' } }, 'reserved by EC2'],
    [{ tags: { 'spillway:site': 'other' } }, "this program's own"],
    [
      { tags: Object.fromEntries(Array.from({ length: 45 }, (_, n) => [`k${n}`, 'v'])) },
      'tags: at most 44 tags',
    ],
    [{ market: 'spot' }, 'Unrecognized key: "market"'],
    [{ rootVolume: { size: '50GiB', encrypted: false } }, 'rootVolume.encrypted: '],
    [{ metadata: { tokens: 'never' } }, 'metadata.tokens: '],
    [{ metadata: { hops: 65 } }, 'metadata.hops: '],
    [{ launchTemplate: { id: 'lt-0a', version: '$Latest' } }, 'launchTemplate.version: '],
    [{ launchTemplate: { id: 'mine', version: 1 } }, 'launchTemplate.id: expected a launch template'],
    [{ spotPriceMax: 0 }, 'spotPriceMax: '],
    [{ fleet: { types: ['c5a.large'] } }, 'fleet: a fleet needs a launchTemplate'],
    [{ ...fleetOf({}) }, 'fleet: names nothing beside'],
    [{ ...fleetOf({ types: ['c5.large'] }) }, 'fleet: names nothing beside'],
    [{ ...fleetOf({ zones: ['a'], subnets: ['subnet-0a'] }) }, 'fleet: either zones or subnets'],
    [{ ...fleetOf({ zones: ['a', 'b'] }), subnet: 'subnet-0a' }, 'fleet: either zones or subnets'],
    [{ ...fleetOf({ zones: ['a', 'b'] }), securityGroups: ['sg-0a'] }, 'securityGroups: a fleet takes them'],
    [{ ...fleetOf({ zones: ['a', 'b'] }), publicAddress: true }, 'publicAddress: a fleet takes this'],
    [
      { ...fleetOf({ zones: ['a', 'b'] }), rootVolume: { size: '9GiB', encrypted: true } },
      'rootVolume.encrypted: a fleet takes this',
    ],
    [{ ...fleetOf({ types: typesNamed(35), zones: ['a', 'b', 'c'] }) }, 'fleet: at most 100 types × places'],
    [{ ...fleetOf({ types: ['c5a.large'], strategy: 'cheapest' }) }, 'fleet.strategy: '],
  ])('refuses %j', (change, message) => {
    expect(problems(ec2Offer, { ...boot, ...change }).join('\n')).toContain(message);
  });
});

describe('types and places', () => {
  const poolsIn = (change: object) =>
    poolsOf(ec2Offer.parse({ ...boot, ...change })).map(({ type, zone, subnet }) => [type, zone, subnet]);

  it.each([
    [{}, [['c5.large', null, null]]],
    [{ zone: 'a' }, [['c5.large', 'a', null]]],
    [{ subnet: 'subnet-0a' }, [['c5.large', null, 'subnet-0a']]],
    [
      { ...fleetOf({ types: ['c5a.large', 'c5.large'] }), zone: 'a' },
      [
        ['c5.large', 'a', null],
        ['c5a.large', 'a', null],
      ],
    ],
    [
      fleetOf({ types: ['c5a.large'], subnets: ['subnet-0a', 'subnet-0b'] }),
      [
        ['c5.large', null, 'subnet-0a'],
        ['c5.large', null, 'subnet-0b'],
        ['c5a.large', null, 'subnet-0a'],
        ['c5a.large', null, 'subnet-0b'],
      ],
    ],
  ])('of %j', (change, pools) => {
    expect(poolsIn(change)).toEqual(pools);
  });
});
