const textCharsMax = 300;

/** More of it is not even looked at. */
const readCharsMax = 8192;

/** Shorter pieces of a secret say nothing, and blanking them would make every message unreadable. */
const pieceCharsMin = 6;

/**
 * A server's text made fit for an error: one bounded line with none of the given secrets in it, whole, line by line, in base64 or
 * as a form has them, and nothing that looks like a key.
 */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text.slice(0, readCharsMax);
  for (const piece of secrets.flatMap(pieces).toSorted((a, b) => b.length - a.length)) {
    clean = clean.replaceAll(piece, '[secret]');
  }
  clean = clean
    .replaceAll(/signature(?:=|"?:\s*"?)[^&"\s]+/gi, 'signature=[…]')
    .replaceAll(/[A-Za-z0-9+/_=%-]{40,}/g, '[…]')
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return clean.length > textCharsMax ? `${clean.slice(0, textCharsMax)}…` : clean;
}

function pieces(secret: string): readonly string[] {
  const lines = secret.split(/[\r\n]+/).map((line) => line.trim());
  const base64 = Buffer.from(secret).toString('base64');
  return [secret, base64, ...lines]
    .flatMap((piece) => [piece, encodeURIComponent(piece.toWellFormed())])
    .filter((piece) => piece.length >= pieceCharsMin);
}
