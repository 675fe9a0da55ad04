import { randomBytes } from 'node:crypto';

/** A secret that is like no other text, and where it lies. */
export interface Canary {
  readonly place: string;
  readonly text: string;
}

export const canary = (place: string): Canary => ({ place, text: randomBytes(24).toString('hex') });

/** Something that must not have a canary in it. */
export interface Haystack {
  readonly name: string;
  readonly bytes: Buffer | string;
}

/** Shorter pieces of a secret are told apart from nothing. */
const pieceCharacters = 16;

/** `PLACE in HAYSTACK`, once for each pair: the secret as it is, encoded, or any piece of it that says something. */
export function sightings(canaries: readonly Canary[], haystacks: readonly Haystack[]): string[] {
  return canaries.flatMap(({ place, text }) => {
    const forms = formsOf(text);
    return haystacks.flatMap(({ name, bytes }) => {
      const whole = typeof bytes === 'string' ? bytes : bytes.toString('latin1');
      return forms.some((form) => whole.includes(form)) ? [`${place} in ${name}`] : [];
    });
  });
}

/** In base64 a text looks otherwise by where in its group of three bytes it begins. */
function formsOf(text: string): readonly string[] {
  const forms = new Set<string>();
  for (let at = 0; at + pieceCharacters <= text.length; at++) {
    const piece = text.slice(at, at + pieceCharacters);
    forms.add(piece);
    forms.add(Buffer.from(piece).toString('hex'));
    forms.add(encodeURIComponent(piece));
    const group = piece.slice(0, pieceCharacters - (pieceCharacters % 3));
    forms.add(Buffer.from(group).toString('base64'));
    forms.add(Buffer.from(group).toString('base64url'));
  }
  return [...forms];
}
