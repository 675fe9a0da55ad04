import { createHmac, timingSafeEqual } from 'node:crypto';
import { refuse } from './refusal.ts';

/** The parameters of one call, decoded, by their names as they were sent. */
export type Params = ReadonlyMap<string, string>;

/** What every refusal for the sake of credentials says, whatever was wrong. */
const denial = 'unable to verify user credentials and/or request signature';

const expiryMaxMs = 15 * 60_000;

/**
 * Checks a request as the server does, written from the server's rules and without the driver's code: signature of version 3
 * over all parameters but the signature itself, and an expiry that is neither past nor more than 15 minutes ahead.
 */
export function verify(params: Params, keys: ReadonlyMap<string, string>, nowMs: number): void {
  const lower = new Map([...params].map(([name, value]) => [name.toLowerCase(), value]));
  const secretKey = keys.get(lower.get('apikey') ?? '');
  const signature = lower.get('signature');
  if (secretKey === undefined || signature === undefined) refuse(401, denial);
  if (lower.get('signatureversion') !== '3') refuse(401, denial);
  const expires = parseExpiry(lower.get('expires') ?? '');
  if (expires === null || expires < nowMs || expires > nowMs + expiryMaxMs) refuse(401, denial);
  const expected = createHmac('sha1', secretKey).update(canonical(params)).digest();
  const given = Buffer.from(signature, 'base64');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) refuse(401, denial);
}

/** The text that is signed. */
export function canonical(params: Params): Buffer {
  const names = [...params.keys()].filter((name) => name.toLowerCase() !== 'signature');
  names.sort((a, b) => Buffer.compare(utf16(a), utf16(b)));
  const text = names.map((name) => `${name}=${urlEncode(params.get(name) ?? '')}`).join('&');
  return Buffer.from(text.toLowerCase(), 'utf8');
}

/** java.net.URLEncoder, byte by byte, with %20 for its plus sign. */
export function urlEncode(value: string): string {
  let out = '';
  for (const byte of Buffer.from(value, 'utf8')) {
    const char = String.fromCharCode(byte);
    out += /[A-Za-z0-9.\-*_]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** `yyyy-MM-dd'T'HH:mm:ssZ`, Java's Z being an offset without a colon. */
function parseExpiry(text: string): number | null {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})([+-]\d{2})(\d{2})$/.exec(text);
  if (match === null) return null;
  const ms = Date.parse(`${match[1]}.000${match[2]}:${match[3]}`);
  return Number.isNaN(ms) ? null : ms;
}

/** Big-endian code units: what Java compares strings by. */
function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

/** A query string or a form, name by name; a name that comes twice is refused. */
export function parseForm(text: string): Params {
  const params = new Map<string, string>();
  for (const pair of text.split('&').filter((part) => part !== '')) {
    const at = pair.indexOf('=');
    const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    const decoded = decode(name);
    if (params.has(decoded)) refuse(430, `the parameter ${decoded} is given twice`);
    params.set(decoded, decode(value));
  }
  return params;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return refuse(430, 'the request is not well-formed');
  }
}
