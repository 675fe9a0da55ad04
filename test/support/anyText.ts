import fc from 'fast-check';

/**
 * Any code point, surrogates included, those that make trouble more often. fast-check's own `binary` unit takes seconds to
 * begin with.
 */
const codePoint = fc.oneof(
  fc.integer({ min: 0, max: 0x2ff }),
  fc.integer({ min: 0x2000, max: 0x206f }),
  fc.integer({ min: 0xd7ff, max: 0xe000 }),
  fc.integer({ min: 0, max: 0x10ffff }),
);

export const anyText = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: codePoint.map((point) => String.fromCodePoint(point)), maxLength });
