import { createHmac } from 'node:crypto';
import { expiryText } from './calendar.ts';

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

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
