import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { configSchema } from '../../../src/queues/htcondor/settings.ts';
import { environmentOf, quoted } from '../../../src/queues/htcondor/tools.ts';

const join = {
  collector: 'head.example.org:9618',
  trustDomain: 'example.org',
  signingKey: 'file:/etc/spillway/key',
};

describe('configSchema', () => {
  it('nothing is needed for the schedd of this host', () => {
    expect(configSchema.parse({})).toEqual({
      schedds: [],
      pool: null,
      bin: null,
      condorConfig: null,
      commandTimeoutMs: 25_000,
      updateIntervalMs: 300_000,
      retirementMinMs: 86_400_000,
      bigQueueJobs: 5000,
      rereadAfterMs: 60_000,
      jobQueueLog: null,
      jobsFrom: 'condor_q',
      tellJobs: false,
      walltime: null,
      proxyWarningMs: 7_200_000,
      vmSettings: {
        clouds: new Map(),
        images: new Map(),
        defaults: {},
        ignore: new Set(),
        keepAliveMaxMs: 3_600_000,
        priceUnit: 'hundredth',
      },
      join: null,
    });
  });

  it('join has defaults for all but where, whose and with what', () => {
    const settings = configSchema.parse({ join });
    expect(settings.join).toMatchObject({
      signingKeyId: 'spillway',
      identity: 'spillway-<instance>@example.org',
      marginMs: 24 * 3_600_000,
      lifetimeMs: 30 * 24 * 3_600_000,
    });
    expect(settings.join?.signingKey).toBeInstanceOf(Secret);
  });

  it.each([
    [{ schedd: 'a' }, /Unrecognized key/],
    [{ schedds: ['-all'] }, /not a name/],
    [{ pool: 'a b' }, /not a name/],
    [{ bin: 'tools' }, /absolute path/],
    [{ commandTimeout: 25 }, /25 has no unit/],
    [{ commandTimeout: '1ms' }, /too short/],
    [{ join: { ...join, signingKey: 'secret words' } }, /file:PATH/],
    [{ join: { ...join, identity: 'spillway@example.org' } }, /<instance>/],
    [{ join: { ...join, identity: 'spillway-<instance>' } }, /user@domain/],
    [{ join: { collector: 'a' } }, /trustDomain/],
  ])('%j is refused', (settings, message) => {
    const { error } = configSchema.safeParse(settings);
    expect(error?.message).toMatch(message);
  });
});

describe('environmentOf', () => {
  const inherited = {
    PATH: '/opt/condor/bin',
    HOME: '/home/s',
    AWS_SECRET_ACCESS_KEY: 'x',
    CONDOR_CONFIG: '/etc/c',
  };

  it('hands on what the programs need and nothing else', () => {
    expect(environmentOf({ condorConfig: null, pool: null }, inherited)).toEqual({
      LANG: 'C.UTF-8',
      PATH: '/opt/condor/bin',
      HOME: '/home/s',
      CONDOR_CONFIG: '/etc/c',
    });
  });

  it('settings come first', () => {
    expect(environmentOf({ condorConfig: '/mine', pool: 'head:9618' }, {})).toEqual({
      LANG: 'C.UTF-8',
      PATH: '/usr/bin:/bin',
      CONDOR_CONFIG: '/mine',
      _CONDOR_COLLECTOR_HOST: 'head:9618',
    });
  });
});

describe('quoted', () => {
  it('leaves no way out of the string', () => {
    expect(quoted('a" || true || "\\')).toBe('"a\\" || true || \\"\\\\"');
  });
});
