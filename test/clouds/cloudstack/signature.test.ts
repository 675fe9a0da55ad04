import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expiryText, httpDateMs } from '../../../src/clouds/cloudstack/client/calendar.ts';
import { encodeValue, signatureOf, signedForm } from '../../../src/clouds/cloudstack/client/signature.ts';
import { parseForm, urlEncode, verify } from '../../support/cloudstack/verify.ts';

const keys = { apiKey: 'key', secretKey: 'secret' };
const held = new Map([[keys.apiKey, keys.secretKey]]);
const nowMs = Date.UTC(2026, 10, 22, 12, 34, 56);

describe('signatures', () => {
  it('encode a value as Java does', () => {
    expect(encodeValue("a b+c!'()~*-._/=%é漢🙂")).toBe(
      'a%20b%2Bc%21%27%28%29%7E*-._%2F%3D%25%C3%A9%E6%BC%A2%F0%9F%99%82',
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(encodeValue(text)).toBe(urlEncode(text.toWellFormed()));
      }),
    );
  });

  it('sort names by their case, and sign in lower case', () => {
    const upperFirst = signatureOf({ a: 'X', B: 'Y' }, 'secret');
    expect(signatureOf({ B: 'y', a: 'x' }, 'secret')).toBe(upperFirst);
    expect(signatureOf({ b: 'Y', a: 'X' }, 'secret')).not.toBe(upperFirst);
  });

  it('are accepted by the rules of the server, whatever the parameters', () => {
    const name = fc.stringMatching(/^x[a-zA-Z0-9]{0,9}(\[\d\]\.[a-zA-Z:-]{1,9})?$/);
    fc.assert(
      fc.property(fc.dictionary(name, fc.string({ unit: 'grapheme' })), (params) => {
        const form = parseForm(signedForm(params, keys, nowMs + 600_000));
        expect(() => verify(form, held, nowMs)).not.toThrow();
        for (const [key, value] of Object.entries(params)) expect(form.get(key)).toBe(value.toWellFormed());
      }),
    );
  });

  it.each([
    ['an expired one', {}, nowMs - 1000],
    ['one that holds too long', {}, nowMs + 16 * 60_000],
  ])('are refused by the stand-in: %s', (_what, params, expiresAtMs) => {
    const form = parseForm(signedForm(params, keys, expiresAtMs));
    expect(() => verify(form, held, nowMs)).toThrow('unable to verify user credentials');
  });

  it('are refused by the stand-in when a parameter was changed on the way', () => {
    const form = new Map(parseForm(signedForm({ command: 'listZones' }, keys, nowMs + 1000)));
    form.set('command', 'destroyVirtualMachine');
    expect(() => verify(form, held, nowMs)).toThrow('unable to verify user credentials');
  });

  it('say until when they hold in the calendar of UTC', () => {
    expect(expiryText(nowMs)).toBe('2026-11-22T12:34:56+0000');
    const any = fc.integer({ min: 0, max: Date.UTC(2400, 0, 1) });
    fc.assert(
      fc.property(any, (ms) => {
        expect(expiryText(ms)).toBe(`${new Date(ms).toISOString().slice(0, 19)}+0000`);
        expect(httpDateMs(new Date(ms).toUTCString())).toBe(ms - (ms % 1000));
      }),
    );
    for (const text of ['', 'today', 'Sun, 22 Nob 2026 12:34:56 GMT']) expect(httpDateMs(text)).toBeNull();
    for (const day of ['2000-02-29', '2023-12-31', '2024-02-29', '2024-03-01', '2100-02-28', '2100-03-01']) {
      expect(expiryText(Date.parse(day))).toBe(`${day}T00:00:00+0000`);
    }
  });
});
