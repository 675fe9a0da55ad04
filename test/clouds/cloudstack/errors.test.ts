import { describe, expect, it } from 'vitest';
import {
  CallFailure,
  connectionFailure,
  type FailureFacts,
} from '../../../src/clouds/cloudstack/client/failure.ts';
import { redact } from '../../../src/clouds/cloudstack/client/redact.ts';
import { cloudErrorOf } from '../../../src/clouds/cloudstack/errors.ts';

const create = 'deployVirtualMachine';

function refused(errorCode: number, text = 'a reason'): CallFailure {
  return new CallFailure(create, `${errorCode}: ${text}`, {
    kind: 'refused',
    errorCode,
    httpStatus: errorCode,
  });
}

describe('errors of CloudStack', () => {
  it.each([
    [401, 'auth', false],
    [405, 'unsupported', false],
    [411, 'auth', false],
    [429, 'rateLimited', false],
    [430, 'invalid', false],
    [431, 'invalid', false],
    [432, 'unsupported', false],
    [530, 'unavailable', true],
    [531, 'auth', false],
    [532, 'quota', false],
    [533, 'capacity', false],
    [534, 'unavailable', true],
    [535, 'quota', false],
    [536, 'invalid', false],
    [537, 'invalid', false],
    [599, 'unavailable', true],
  ])('%i is %s', (errorCode, code, inDoubt) => {
    expect(cloudErrorOf(refused(errorCode), { write: true })).toMatchObject({ code, inDoubt });
    expect(cloudErrorOf(refused(errorCode), { write: false })).toMatchObject({ code, inDoubt: false });
  });

  it.each([
    [
      'Invalid parameter templateid value=x due to …, or entity does not exist or due to …',
      'notFound',
      false,
    ],
    ['Unable to find service offering: 104', 'notFound', false],
    ["A key pair with name 'x' does not exist for account admin", 'notFound', false],
    ['The vm with hostName x already exists in the network domain: y', 'invalid', true],
    ['There already exists a VM by the name: x.', 'invalid', true],
    ['User data is too long for an http POST request', 'invalid', false],
  ])('431 "%s" is %s', (text, code, inDoubt) => {
    expect(cloudErrorOf(refused(431, text), { write: true })).toMatchObject({ code, inDoubt });
  });

  it.each<[string, Partial<FailureFacts> & Pick<FailureFacts, 'kind'>, string, boolean]>([
    ['no answer in time', { kind: 'givenUp' }, 'timeout', true],
    ['given up before it was sent', { kind: 'givenUp', sent: false }, 'timeout', false],
    ['a lost connection', { kind: 'connection' }, 'unavailable', true],
    ['no connection', { kind: 'connection', sent: false }, 'unavailable', false],
    ["somebody else's success", { kind: 'malformed', httpStatus: 200 }, 'unavailable', true],
    ["a gateway's 404", { kind: 'malformed', httpStatus: 404 }, 'unavailable', false],
    ["a gateway's 502", { kind: 'malformed', httpStatus: 502 }, 'unavailable', true],
    ["a gateway's 504", { kind: 'malformed', httpStatus: 504 }, 'timeout', true],
    ["a gateway's 403", { kind: 'malformed', httpStatus: 403 }, 'auth', false],
    ["a gateway's 413", { kind: 'malformed', httpStatus: 413 }, 'invalid', false],
  ])('%s', (_what, facts, code, inDoubt) => {
    const error = cloudErrorOf(new CallFailure(create, 'text', facts), { write: true });
    expect(error).toMatchObject({ code, inDoubt });
  });

  it('know what was never sent by the code of the connection', () => {
    const { signal } = new AbortController();
    const of = (thrown: object) => connectionFailure(create, thrown, signal).facts.sent;
    expect(of({ code: 'ECONNREFUSED' })).toBe(false);
    expect(of({ code: 'UND_ERR_CONNECT_TIMEOUT' })).toBe(false);
    expect(of({ code: 'ETIMEDOUT', syscall: 'connect' })).toBe(false);
    expect(of({ code: 'ECONNRESET' })).toBe(true);
    expect(of({ code: 'UND_ERR_SOCKET' })).toBe(true);
    expect(of({})).toBe(true);
  });

  it('hold no secret of the request, in whatever form it comes back', () => {
    const secrets = ['s3cret key+/=value', '#!/bin/sh\ntoken 0123456789\n'];
    const forms = secrets.flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64'),
      encodeURIComponent(Buffer.from(secret).toString('base64')),
    ]);
    const text = redact(`${forms.join(' | ')} signature=AbCd/12=&x {"signature":"AbCd/12="}`, secrets);
    for (const form of [...forms, 'token 0123456789', 'AbCd/12']) expect(text).not.toContain(form);
    expect(redact('x\n'.repeat(5000), []).length).toBeLessThanOrEqual(301);
  });
});
