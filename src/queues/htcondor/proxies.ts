import type { ClassAd } from '../../classad/ad.ts';
import { dateTimeOf } from '../../classad/calendar.ts';
import { evaluateAttribute } from '../../classad/evaluate.ts';
import { numberOf } from '../../classad/value.ts';

/** What a job's X.509 proxy is good for, as the schedd has read it from the file: the file itself is never opened here. */
export function proxyRemark(job: ClassAd, nowSeconds: number): readonly string[] {
  if (!job.has('x509UserProxyExpiration')) return [];
  const ends = numberOf(evaluateAttribute(job, 'x509UserProxyExpiration'));
  if (ends === null || !(ends > 0) || ends > 1e11) return [];
  const at = isoSeconds(ends);
  return [ends <= nowSeconds ? `its proxy ended at ${at}` : `its proxy ends at ${at}`];
}

/** `2026-11-22T14:30:00Z`. */
export function isoSeconds(epochSeconds: number): string {
  const { year, month, day, hour, minute, second } = dateTimeOf(Math.floor(epochSeconds));
  const two = (part: number) => String(part).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}Z`;
}
