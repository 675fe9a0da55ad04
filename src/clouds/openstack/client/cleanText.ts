const textCharsMax = 300;

/** More of it is not even looked at. */
const readCharsMax = 8192;

/** Shorter pieces of a secret say nothing, and blanking them would make every message unreadable. */
const pieceCharsMin = 6;

/**
 * A service's text made fit for logs: a bounded single line, without the given secrets (whole, by line, in base64) and
 * without anything that looks like an encoded blob. Nova's schema errors repeat after `Value:` what was sent, user data
 * and passwords too: they are cut there, before anything else.
 */
export function cleanText(text: string, secrets: readonly string[]): string {
  const [kept = ''] = text.slice(0, readCharsMax).split(/\bValue:/, 1);
  let clean = kept;
  for (const piece of secrets.flatMap(pieces).toSorted((a, b) => b.length - a.length)) {
    clean = clean.replaceAll(piece, '[secret]');
  }
  clean = clean
    .replaceAll(/<br ?\/?>/g, ' ')
    .replaceAll(/[A-Za-z0-9+/_=-]{40,}/g, '[…]')
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
