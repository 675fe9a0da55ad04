import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanText } from '../../../src/clouds/openstack/client/cleanText.ts';
import { decodeMark, encodeMark, intentTag, ownerTag } from '../../../src/clouds/openstack/mark.ts';
import { IntentId, SiteId } from '../../../src/model/ids.ts';

describe('a mark', () => {
  it('comes back from metadata as it was, and is printable ASCII there', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
        const encoded = encodeMark(text);
        expect(encoded).toMatch(/^[!-~]([ -~]*[!-~])?$/);
        expect(decodeMark(encoded)).toBe(text.toWellFormed());
      }),
    );
  });

  it('leaves plain names as they are', () => {
    expect(encodeMark('batch pool-1 (a&b)')).toBe('batch pool-1 (a&b)');
  });

  it('is a tag that Nova takes, and another for another name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        const [one, other] = [a, b].map((text) => ownerTag(SiteId(text.toWellFormed())));
        expect(one).toMatch(/^[^,/]{1,60}$/);
        expect(one === other).toBe(a.toWellFormed() === b.toWellFormed());
      }),
    );
    expect(ownerTag(SiteId('farm'))).toBe('spillway.site.farm');
    expect(intentTag(IntentId(`${'x'.repeat(80)}-1`))).not.toBe(intentTag(IntentId(`${'x'.repeat(80)}-2`)));
  });

  it('that somebody else has written is read as it stands', () => {
    expect(decodeMark('100% wool')).toBe('100% wool');
    expect(decodeMark('')).toBeNull();
    expect(decodeMark(undefined)).toBeNull();
  });
});

describe('a service’s text', () => {
  const secret = 'join-token-4f9Qm2LxWb7Tz\nsecond "line" of it';

  it('has no secret in it, whole, by line, escaped or in base64', () => {
    const base64 = Buffer.from(secret).toString('base64');
    const text = cleanText(`a ${secret} b ${JSON.stringify(secret)} c ${base64} d join-token-4f9Qm2LxWb7Tz`, [
      secret,
    ]);
    for (const piece of ['4f9Qm2LxWb7Tz', 'second', base64]) expect(text).not.toContain(piece);
  });

  it('ends where what was sent begins', () => {
    expect(cleanText("Invalid input for field/attribute server. Value: {'adminPass': 'x'}. no", [])).toBe(
      'Invalid input for field/attribute server.',
    );
  });

  it('is one line of bounded length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => {
        const clean = cleanText(text, []);
        expect(clean.length).toBeLessThanOrEqual(301);
        expect(clean).not.toMatch(/[\n\r]/);
      }),
    );
  });
});
