import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { InstanceId, PoolName } from '../../../src/model/ids.ts';
import { admissionOf } from '../../../src/queues/htcondor/admission.ts';
import type { JoinSettings } from '../../../src/queues/htcondor/settings.ts';
import { mintToken, signingKey } from '../../../src/queues/htcondor/token.ts';
import type { AdmitRequest } from '../../../src/queues/port.ts';
import { recorded, recordedBytes } from './fake-tools.ts';

const join: JoinSettings = {
  collector: 'head:9618',
  trustDomain: 'pool.test',
  signingKey: Secret.of(recordedBytes('token_key.bin')),
  signingKeyId: 'sample',
  identity: 'spillway-<instance>@pool.test',
  ccb: false,
  privateNetwork: null,
  marginMs: 24 * 3_600_000,
  lifetimeMs: 30 * 24 * 3_600_000,
};
const request: AdmitRequest = {
  instance: InstanceId('abc-0'),
  pool: PoolName('workers'),
  issuedAtSeconds: 1_795_000_000,
  lifetimeMs: 3_600_000,
  attributes: {},
};

function parts(token: string) {
  const [header = '', payload = '', signature = ''] = token.trim().split('.');
  const read = (text: string) =>
    JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>;
  return { signed: `${header}.${payload}`, signature, header: read(header), payload: read(payload) };
}

describe('signingKey', () => {
  it.each([
    ['sample', 'token_of_named_key.txt'],
    ['POOL', 'token_of_pool_key.txt'],
  ])('signs with the key %s as condor_token_create does', (keyId, file) => {
    const { signed, signature } = parts(recorded(file));
    const key = signingKey(recordedBytes('token_key.bin'), keyId);
    expect(createHmac('sha256', key).update(signed).digest('base64url')).toBe(signature);
  });
});

describe('mintToken', () => {
  it('says what condor_token_create says, for the machine alone', () => {
    const theirs = parts(recorded('token_of_named_key.txt'));
    const ours = parts(mintToken(request, join));
    expect(ours.header).toEqual(theirs.header);
    expect(Object.keys(ours.payload)).toEqual(Object.keys(theirs.payload));
    expect(ours.payload).toMatchObject({
      sub: theirs.payload.sub,
      iss: theirs.payload.iss,
      scope: theirs.payload.scope,
    });
  });

  it('outlives the machine by the margin', () => {
    expect(parts(mintToken(request, join)).payload).toMatchObject({
      iat: 1_795_000_000,
      exp: 1_795_000_000 + 3600 + 24 * 3600,
    });
  });

  it('lives as long as configured where the machine has no limit', () => {
    const { payload } = parts(mintToken({ ...request, lifetimeMs: null }, join));
    expect(payload.exp).toBe(1_795_000_000 + 31 * 24 * 3600);
  });

  it('is the same to the byte for the same request, and another for another machine, time or key', () => {
    const other = { ...join, signingKey: Secret.of('another key') };
    const tokens = [
      mintToken(request, join),
      mintToken({ ...request, instance: InstanceId('abc-1') }, join),
      mintToken({ ...request, issuedAtSeconds: request.issuedAtSeconds + 1 }, join),
      mintToken(request, other),
    ];
    expect(mintToken(request, join)).toBe(tokens[0]);
    expect(new Set(tokens.map((token) => parts(token).payload.jti)).size).toBe(4);
    expect(new Set(tokens).size).toBe(4);
  });

  it('holds nothing of the key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 64 }), (key) => {
        const token = mintToken(request, { ...join, signingKey: Secret.of(Buffer.from(key)) });
        const derived = signingKey(Buffer.from(key), 'sample').toString('hex');
        expect(Buffer.from(token.replaceAll('.', ''), 'base64url').toString('hex')).not.toContain(
          derived.slice(0, 16),
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe('how a machine is reached', () => {
  const lines = (over: Partial<JoinSettings>) =>
    (admissionOf(request, { ...join, ...over }).variables.attributes ?? '').split('\n');

  it('by its address', () => {
    expect(lines({}).filter((line) => /CCB|PRIVATE/.test(line))).toEqual([]);
  });

  it('through the collector, and by its address within a network', () => {
    expect(lines({ ccb: true, privateNetwork: 'east' }).slice(-2)).toEqual([
      'CCB_ADDRESS = $(COLLECTOR_HOST)',
      'PRIVATE_NETWORK_NAME = east',
    ]);
  });
});
