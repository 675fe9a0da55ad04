import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Call, cloudErrorOf } from '../../../src/clouds/ec2/errors.ts';
import type { CloudErrorCode } from '../../../src/model/errors.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { anOrder, connectTo, errorOf, soon } from './connection.ts';

let server: LoopbackEc2;
beforeAll(async () => {
  server = await startLoopbackEc2();
});
afterAll(() => server.stop());

/** What EC2 answers to RunInstances: code, HTTP status → our code, and whether the outcome is in doubt. */
const answers: readonly (readonly [string, number, CloudErrorCode, boolean])[] = [
  ['InsufficientInstanceCapacity', 500, 'capacity', false],
  ['InsufficientHostCapacity', 500, 'capacity', false],
  ['InsufficientAddressCapacity', 503, 'capacity', false],
  ['InsufficientCapacity', 500, 'capacity', false],
  ['InsufficientFreeAddressesInSubnet', 400, 'capacity', false],
  ['ReservationCapacityExceeded', 400, 'capacity', false],
  ['VcpuLimitExceeded', 400, 'quota', false],
  ['InstanceLimitExceeded', 400, 'quota', false],
  ['VolumeLimitExceeded', 400, 'quota', false],
  ['MaxIOPSLimitExceeded', 400, 'quota', false],
  ['PrivateIpAddressLimitExceeded', 400, 'quota', false],
  ['MaxSpotInstanceCountExceeded', 400, 'quota', false],
  ['ResourceCountExceeded', 400, 'quota', false],
  ['RequestLimitExceeded', 503, 'rateLimited', false],
  ['Throttling', 400, 'rateLimited', false],
  ['ThrottlingException', 400, 'rateLimited', false],
  ['SlowDown', 503, 'rateLimited', false],
  ['AuthFailure', 401, 'auth', false],
  ['UnauthorizedOperation', 403, 'auth', false],
  ['SignatureDoesNotMatch', 403, 'auth', false],
  ['RequestExpired', 400, 'auth', false],
  ['ExpiredToken', 400, 'auth', false],
  ['InvalidClientTokenId', 403, 'auth', false],
  ['Blocked', 403, 'auth', false],
  ['OptInRequired', 401, 'auth', false],
  ['InvalidAMIID.NotFound', 400, 'notFound', false],
  ['InvalidSubnetID.NotFound', 400, 'notFound', false],
  ['InvalidGroup.NotFound', 400, 'notFound', false],
  ['InvalidKeyPair.NotFound', 400, 'notFound', false],
  ['InvalidParameterValue', 400, 'invalid', false],
  ['InvalidAMIID.Malformed', 400, 'invalid', false],
  ['InvalidAMIID.Unavailable', 400, 'invalid', false],
  ['InvalidParameterCombination', 400, 'invalid', false],
  ['MissingParameter', 400, 'invalid', false],
  ['UnknownParameter', 400, 'invalid', false],
  ['OperationNotPermitted', 400, 'invalid', false],
  ['Unsupported', 400, 'unsupported', false],
  ['UnsupportedOperation', 400, 'unsupported', false],
  ['InvalidAction', 400, 'unsupported', false],
  ['InternalError', 500, 'unavailable', true],
  ['InternalFailure', 500, 'unavailable', true],
  ['ServiceUnavailable', 503, 'unavailable', true],
  ['Unavailable', 503, 'unavailable', true],
  ['IdempotentParameterMismatch', 400, 'invalid', true],
  ['IdempotentInstanceTerminated', 400, 'invalid', true],
  ['SomethingNewIsWrong', 400, 'invalid', false],
  ['SomethingNewIsWrong', 403, 'auth', false],
  ['SomethingNewIsWrong', 500, 'unavailable', true],
];

describe('an error that EC2 names', () => {
  it.each(answers)('%s with HTTP %i is %s, in doubt: %s', async (code, status, expected, inDoubt) => {
    server.fault('RunInstances', { kind: 'error', code, status, message: 'why it is so' });
    const cloud = connectTo(server.endpoint);
    const error = await errorOf(cloud.launch(anOrder(), soon()));
    expect(error).toMatchObject({ code: expected, inDoubt });
    expect(error.message).toBe(`RunInstances: ${code} (HTTP ${status}): why it is so`);
    await cloud.close();
  });

  it('of a call that changes nothing leaves no doubt', async () => {
    server.fault('DescribeInstances', { kind: 'error', code: 'InternalError', status: 500 });
    const cloud = connectTo(server.endpoint);
    expect(await errorOf(cloud.list(soon()))).toMatchObject({ code: 'unavailable', inDoubt: false });
    await cloud.close();
  });
});

/** What stands between us and EC2 answers: a status, and a body that is not EC2's. */
const statuses: readonly (readonly [number, CloudErrorCode, boolean])[] = [
  [301, 'invalid', false],
  [400, 'invalid', false],
  [401, 'auth', false],
  [403, 'auth', false],
  [404, 'unavailable', false],
  [407, 'invalid', false],
  [408, 'timeout', true],
  [413, 'invalid', false],
  [429, 'rateLimited', false],
  [500, 'unavailable', true],
  [502, 'unavailable', true],
  [503, 'unavailable', true],
  [504, 'timeout', true],
];

describe.each([
  ['a page', '<html><body>Proxy</body></html>'],
  ['plain text', 'upstream request failed'],
  ['nothing', ''],
])('an error without words of EC2: %s', (_what, body) => {
  it.each(statuses)('with HTTP %i it is %s, in doubt: %s', async (status, code, inDoubt) => {
    server.fault('RunInstances', { kind: 'body', when: 'before', status, body });
    const cloud = connectTo(server.endpoint);
    const error = await errorOf(cloud.launch(anOrder(), soon()));
    expect(error).toMatchObject({ code, inDoubt });
    expect(error.message).toContain(`HTTP ${status}`);
    expect(error.message).not.toContain('inspect the hidden field');
    await cloud.close();
  });
});

/** Errors of the connection, as Node gives them: code and system call → ours. */
const connectionErrors: readonly (readonly [string, string | undefined, CloudErrorCode, boolean])[] = [
  ['ECONNREFUSED', 'connect', 'unavailable', false],
  ['ETIMEDOUT', 'connect', 'unavailable', false],
  ['ENOTFOUND', 'getaddrinfo', 'unavailable', false],
  ['EAI_AGAIN', 'getaddrinfo', 'unavailable', false],
  ['EHOSTUNREACH', 'connect', 'unavailable', false],
  ['CERT_HAS_EXPIRED', undefined, 'unavailable', false],
  ['ERR_TLS_CERT_ALTNAME_INVALID', undefined, 'unavailable', false],
  ['ECONNRESET', 'read', 'unavailable', true],
  ['ECONNRESET', undefined, 'unavailable', true],
  ['EPIPE', 'write', 'unavailable', true],
  ['ETIMEDOUT', 'read', 'timeout', true],
  ['EPROTO', 'write', 'unavailable', true],
];

describe('an error of the connection', () => {
  const create: Call = { action: 'RunInstances', write: true, handedOver: true, aborted: false, secrets: [] };

  it.each(connectionErrors)('%s in %s is %s, in doubt: %s', (code, syscall, expected, inDoubt) => {
    const thrown = Object.assign(new Error('as Node says'), {
      code,
      ...(syscall && { syscall }),
      name: 'TimeoutError',
    });
    expect(cloudErrorOf(thrown, create)).toMatchObject({ code: expected, inDoubt });
  });

  it('leaves no doubt where nothing was handed over', () => {
    const thrown = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    expect(cloudErrorOf(thrown, { ...create, handedOver: false }).inDoubt).toBe(false);
  });

  it('leaves no doubt where the connection could not be made in time', () => {
    const thrown = Object.assign(new Error('slow'), { name: 'TimeoutError' });
    expect(cloudErrorOf(thrown, create)).toMatchObject({ code: 'unavailable', inDoubt: false });
  });

  it('is in doubt where it is of a kind that nobody knows', () => {
    expect(cloudErrorOf(new TypeError('odd'), create)).toMatchObject({ code: 'unavailable', inDoubt: true });
    expect(cloudErrorOf('a string', create)).toMatchObject({ code: 'unavailable', inDoubt: true });
    expect(cloudErrorOf(undefined, create)).toMatchObject({ code: 'unavailable', inDoubt: true });
  });

  it("does not bring the vendor's error along", async () => {
    server.fault('RunInstances', { kind: 'error', code: 'InternalError', status: 500 });
    const cloud = connectTo(server.endpoint);
    const shown = inspect(await errorOf(cloud.launch(anOrder(), soon())), { depth: 9, showHidden: true });
    expect(shown).not.toMatch(/\$metadata|\$response|EC2ServiceException/);
    await cloud.close();
  });
});

describe('how long to wait', () => {
  it.each([
    ['7', 7000],
    ['0', 0],
    ['Wed, 21 Oct 2026 07:28:00 GMT', null],
    ['-1', null],
    ['99999999999', null],
  ])('Retry-After: %s', async (header, retryAfterMs) => {
    const headers = { 'retry-after': header };
    server.fault('DescribeInstances', { kind: 'error', code: 'RequestLimitExceeded', status: 503, headers });
    const cloud = connectTo(server.endpoint);
    expect((await errorOf(cloud.list(soon()))).retryAfterMs).toBe(retryAfterMs);
    await cloud.close();
  });
});
