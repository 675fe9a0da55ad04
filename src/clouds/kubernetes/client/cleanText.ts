const textCharsMax = 300;

/** More of it is not even looked at. */
const readCharsMax = 8192;

/** Shorter pieces of a secret say nothing, and blanking them would make every message unreadable. */
const pieceCharsMin = 6;

/**
 * The server's text made fit for logs: one bounded line, without the given secrets (whole, by line, escaped, in base64) and
 * without anything that looks like an encoded blob.
 */
export function cleanText(text: string, secrets: readonly string[]): string {
  let clean = text.slice(0, readCharsMax);
  for (const piece of secrets.flatMap(pieces).toSorted((a, b) => b.length - a.length)) {
    clean = clean.replaceAll(piece, '[secret]');
  }
  clean = clean
    .replaceAll(/\bBearer\s+\S+/gi, 'Bearer [secret]')
    .replaceAll(/[A-Za-z0-9+/_=-]{60,}/g, '[…]')
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return clean.length > textCharsMax ? `${clean.slice(0, textCharsMax)}…` : clean;
}

function pieces(secret: string): readonly string[] {
  const lines = secret.split(/[\r\n]+/).map((line) => line.trim());
  const escaped = JSON.stringify(secret).slice(1, -1);
  return [secret, escaped, Buffer.from(secret).toString('base64'), ...lines].filter(
    (piece) => piece.length >= pieceCharsMin,
  );
}
