import type { ClassAd } from '../classad/ad.ts';
import { evaluateAttribute } from '../classad/evaluate.ts';
import { isTrue } from '../classad/value.ts';

/** By which jobs ask for a machine of their own, in the words that sites use. */
export const wholeMachineWords = ['WantWholeMachine', 'RequiresWholeMachine', 'WantWholeNode'] as const;

/** Whether a job wants nothing else beside it on its machine, whatever it requests. */
export function wantsWholeMachine(job: ClassAd): boolean {
  return wholeMachineWords.some((word) => job.has(word) && isTrue(evaluateAttribute(job, word)));
}
