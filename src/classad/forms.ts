import type { ClassAd } from './ad.ts';
import { parseJsonAds, readJsonAds, writeJsonAds } from './json.ts';
import { parseLongAds, readLongAds, writeLongAds } from './long.ts';
import { parseNewAds } from './parse.ts';
import { unparse } from './unparse.ts';
import { parseXmlAds, writeXmlAds } from './xml.ts';

export const adForms = ['long', 'json', 'xml', 'new'] as const;
export type AdForm = (typeof adForms)[number];

/** The form of a text of ads, from how it begins; null: an expression or nothing that is known. */
export function formOf(text: string): AdForm | null {
  const start = text.trimStart();
  if (start === '') return 'long';
  if (start.startsWith('{')) return /^\{\s*(?:"|\})/.test(start) ? 'json' : null;
  if (start.startsWith('<')) return 'xml';
  if (start.startsWith('[')) return /^\[\s*(?:\{|\]\s*$)/.test(start) ? 'json' : 'new';
  return /^(?:#.*\n|\s)*(?:[A-Za-z_]\w*|'(?:[^'\\]|\\.)*')[ \t]*=(?![=?!])/.test(start) ? 'long' : null;
}

/** Ads from a text in any of the forms. Throws ClassAdSyntaxError. */
export function readAds(text: string): ClassAd[] {
  switch (formOf(text)) {
    case 'json':
      return parseJsonAds(text);
    case 'xml':
      return parseXmlAds(text);
    case 'new':
      return parseNewAds(text);
    default:
      return parseLongAds(text);
  }
}

/** So much of a text tells its form. */
const headLengthMin = 65_536;

/**
 * Ads from chunks of a text in any of the forms. In the long and the JSON form they come as they are read, and the text
 * is not kept; the other two are read whole. Throws ClassAdSyntaxError.
 */
export async function* readAdStream(chunks: AsyncIterable<string>): AsyncGenerator<ClassAd, void, void> {
  const source = chunks[Symbol.asyncIterator]();
  let head = '';
  let ended = false;
  while (!ended && head.length < headLengthMin) {
    const { value, done } = await source.next();
    if (done === true) ended = true;
    else head += value;
  }
  const form = formOf(head);
  async function* all(): AsyncGenerator<string, void, void> {
    yield head;
    for (;;) {
      const { value, done } = await source.next();
      if (done === true) return;
      yield value;
    }
  }
  if (form === 'json') {
    yield* readJsonAds(all());
  } else if (form === 'xml' || form === 'new') {
    let text = '';
    for await (const chunk of all()) text += chunk;
    yield* readAds(text);
  } else {
    yield* readLongAds(all());
  }
}

export function writeAds(ads: readonly ClassAd[], form: AdForm): string {
  switch (form) {
    case 'json':
      return writeJsonAds(ads);
    case 'xml':
      return writeXmlAds(ads);
    case 'new':
      return ads.map((ad) => `${unparse(ad, 'new')}\n`).join('');
    default:
      return writeLongAds(ads);
  }
}
