import { describe, expect, it } from 'vitest';
import { ec2Offer, ec2Settings } from '../../../src/clouds/ec2/settings.ts';
import { Secret } from '../../../src/config/secrets.ts';

function problems(schema: typeof ec2Offer | typeof ec2Settings, input: unknown): readonly string[] {
  const { error } = schema.safeParse(input);
  return (error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

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
    [{ region: 'r', imageOwners: [] }, 'imageOwners: '],
    [{ region: 'r', imageOwners: ['me'] }, 'imageOwners.0: expected self, amazon or an account number'],
    [{ region: 'r', reigon: 'r' }, 'Unrecognized key: "reigon"'],
  ])('refuse %j', (input, message) => {
    expect(problems(ec2Settings, input)).toEqual([expect.stringContaining(message)]);
  });
});

describe("an offer's boot block", () => {
  it('needs an image and a type', () => {
    expect(ec2Offer.parse(boot)).toEqual({ ...boot, tags: {} });
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
      rootVolume: { size: '50GiB', type: 'gp3' },
    };
    expect(ec2Offer.parse(whole)).toEqual({ ...whole, rootVolume: { size: 50 * 1024, type: 'gp3' } });
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
      { tags: Object.fromEntries(Array.from({ length: 46 }, (_, n) => [`k${n}`, 'v'])) },
      'tags: at most 45 tags',
    ],
    [{ market: 'spot' }, 'Unrecognized key: "market"'],
  ])('refuses %j', (change, message) => {
    expect(problems(ec2Offer, { ...boot, ...change }).join('\n')).toContain(message);
  });
});
