import { type ClassAd, exprOf } from '../classad/ad.ts';
import type { Expr } from '../classad/expr.ts';
import { partsOf } from '../classad/walk.ts';

/** Whose value changes with the moment or by chance, or may be anything. In lower case. */
const changing: ReadonlySet<string> = new Set([
  'time',
  'currenttime',
  'daytime',
  'formattime',
  'splittime',
  'abstime',
  'timezoneoffset',
  'random',
  'eval',
]);

/** Whether the ad means the same at any moment. May say no of one that does. */
export function isTimeless(ad: ClassAd): boolean {
  const pending: Expr[] = ad.flat().slots.map(exprOf);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if ((next.kind === 'call' || next.kind === 'attribute') && changing.has(next.name.toLowerCase()))
      return false;
    pending.push(...partsOf(next));
  }
  return true;
}
