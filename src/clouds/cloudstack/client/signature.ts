import { createHmac } from 'node:crypto';

/** The parameters of one call, before it is signed. A name is one of the API's: ASCII, as in `details[0].memory`. */
export type Params = Readonly<Record<string, string>>;

/** `params` with the key, an expiry and the signature, as the body of an HTML form. `expiresAtMs` is epoch ms. */
export function signedForm(
  params: Params,
  keys: { readonly apiKey: string; readonly secretKey: string },
  expiresAtMs: number,
): string {
  const all = {
    ...params,
    apikey: keys.apiKey,
    response: 'json',
    signatureversion: '3',
    expires: expiryText(expiresAtMs),
  };
  const pairs = Object.entries({ ...all, signature: signatureOf(all, keys.secretKey) });
  return pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeValue(value)}`).join('&');
}

/**
 * What the server computes from the parameters that it was sent: names sorted as they are and not encoded, values encoded,
 * the whole in lower case, HMAC-SHA1, base64.
 */
export function signatureOf(params: Params, secretKey: string): string {
  const canonical = Object.keys(params)
    .toSorted(byCodeUnits)
    .map((name) => `${name}=${encodeValue(params[name] ?? '')}`)
    .join('&')
    .toLowerCase();
  return createHmac('sha1', secretKey).update(canonical, 'utf8').digest('base64');
}

/** As Java's URLEncoder does it, with %20 for a blank: only letters, digits and `.-_*` stay. */
export function encodeValue(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replaceAll(
    /[!'()~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Epoch ms as `2026-11-22T12:34:56+0000`. */
export function expiryText(epochMs: number): string {
  const seconds = Math.floor(epochMs / 1000);
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  const [year, month, day] = civil(days);
  const time = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60];
  return `${year}-${two(month)}-${two(day)}T${time.map(two).join(':')}+0000`;
}

/**
 * Year, month and day of a number of days since 1970-01-01. Years are counted from March on, so that a leap day is
 * the last one of its year, and in eras of 400 years, which all have as many days.
 */
function civil(days: number): readonly [number, number, number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const march = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * march + 2) / 5) + 1;
  const month = march < 10 ? march + 3 : march - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
