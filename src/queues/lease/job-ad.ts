import { adFromValues, type ClassAd } from '../../classad/ad.ts';
import type { Expr } from '../../classad/expr.ts';
import { parseExpression } from '../../classad/parse.ts';
import { ClassAdSyntaxError } from '../../classad/syntaxError.ts';
import { LeaseError } from '../../model/errors.ts';
import type { LeaseRequest } from '../../model/lease.ts';

/** Nobody's wish is that long, and each is parsed here. */
const requirementsCharsMax = 10_000;

/** An offer is of no pool yet; a machine is. */
const ofPool = parseExpression('TARGET.LeasePool =?= undefined || TARGET.LeasePool == MY.LeasePool', {
  syntax: 'old',
});

/** A lease in a job's words. Throws LeaseError `invalid` where the requirements are no expression. */
export function jobAdOf({ requirements, request, user, pool }: LeaseRequest): ClassAd {
  const { cpus, memoryMiB, diskMiB, gpus } = request;
  return adFromValues({
    Requirements: {
      kind: 'binary',
      operator: '&&',
      left: { kind: 'parentheses', inner: parse(requirements) },
      right: { kind: 'parentheses', inner: ofPool },
    },
    RequestCpus: cpus,
    RequestMemory: memoryMiB,
    RequestDisk: diskMiB * 1024,
    RequestGPUs: gpus,
    Owner: user,
    LeasePool: pool,
  });
}

function parse(text: string): Expr {
  if (text.length > requirementsCharsMax)
    throw new LeaseError('invalid', `requirements of more than ${requirementsCharsMax} characters`);
  try {
    return parseExpression(text, { syntax: 'old', depthMax: 100 });
  } catch (error) {
    if (!(error instanceof ClassAdSyntaxError)) throw error;
    throw new LeaseError('invalid', `requirements: ${error.message}`);
  }
}
