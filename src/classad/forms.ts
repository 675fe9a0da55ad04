import type { ClassAd } from './ad.ts';
import { parseJsonAds, writeJsonAds } from './json.ts';
import { parseLongAds, writeLongAds } from './long.ts';
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
