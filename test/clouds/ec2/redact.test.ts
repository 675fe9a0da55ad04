import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact } from '../../../src/clouds/ec2/redact.ts';

describe('a text from outside', () => {
  it('loses the secrets, whole, by line and in base64', () => {
    const userData = '#!/bin/sh\nTOKEN=abcdef123456\n';
    const encoded = Buffer.from(userData).toString('base64');
    const text = `refused: ${userData} or ${encoded} or TOKEN=abcdef123456 or key wJalrXUtnFEMI`;
    expect(redact(text, [userData, 'wJalrXUtnFEMI'])).toBe(
      'refused: [secret] or [secret] or [secret] or key [secret]',
    );
  });

  it('loses what looks like an encoded message, known or not', () => {
    expect(redact(`Encoded authorization failure message: ${'Ab3_'.repeat(50)}`, [])).toBe(
      'Encoded authorization failure message: […]',
    );
  });

  it('keeps what people need to read', () => {
    const message = "The image id '[ami-0123456789abcdef0]' does not exist in subnet-0123456789abcdef0";
    expect(redact(message, ['not-in-it'])).toBe(message);
  });

  it('is a single bounded line, whatever came', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => {
        const clean = redact(text, []);
        expect(clean.length).toBeLessThanOrEqual(301);
        expect(clean).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it('never shows a secret, wherever it stands', () => {
    const word = fc.stringMatching(/^[a-cX-Z0-3+/]{8,60}$/);
    fc.assert(
      fc.property(fc.string(), word, fc.string(), (before, secret, after) => {
        expect(redact(`${before}${secret}${after}`, [secret])).not.toContain(secret);
      }),
    );
  });
});
