import { adFromValues, type ClassAd } from '../../classad/ad.ts';
import type { Expr } from '../../classad/expr.ts';
import { parseExpression } from '../../classad/parse.ts';
import type { Deployment } from './deployments.ts';

/** The attribute of a machine's ad that names its node source; offers have none. */
export const sourceAttribute = 'ProactiveNodeSource';
/** Attributes that offers say to what jobs name by IAAS_IMAGE_ID and IAAS_INSTANCE_TYPE. */
export const imageAttribute = 'IaasImageId';
export const typeAttribute = 'IaasInstanceType';

const parsed = new Map<string, Expr>();

function expression(text: string): Expr {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const made = parseExpression(text, { syntax: 'old' });
  if (parsed.size < 1000) parsed.set(text, made);
  return made;
}

export interface TaskWish {
  /** Only nodes of this node source; null: any. */
  readonly source: string | null;
  /** All nodes of a machine, for a task of several nodes or where a machine has one. */
  readonly whole: boolean;
  /** Nodes of a machine. */
  readonly perMachine: number;
  /** What offers ask of a job. */
  readonly words: readonly (readonly [string, string])[];
}

/** A task in a job's words: a node is an equal part of its machine. */
export function taskAd({ source, whole, perMachine, words }: TaskWish): ClassAd {
  return adFromValues({
    ...Object.fromEntries(words),
    ...(whole
      ? { WantWholeMachine: true, RequestCpus: 1 }
      : {
          RequestCpus: expression(`ifThenElse(TARGET.Cpus >= ${perMachine}, TARGET.Cpus / ${perMachine}, 1)`),
        }),
    ...(source === null ? { WantedNodeSource: undefined } : { WantedNodeSource: source }),
    Requirements:
      source === null
        ? true
        : expression(
            `TARGET.${sourceAttribute} =?= undefined || TARGET.${sourceAttribute} == MY.WantedNodeSource`,
          ),
  });
}

/** One machine of a deployment. */
export function machineAd({ image, type, owner }: Pick<Deployment, 'image' | 'type' | 'owner'>): ClassAd {
  const clauses = [
    ...(image === null ? [] : [`TARGET.${imageAttribute} == MY.WantedImage`]),
    ...(type === null ? [] : [`TARGET.${typeAttribute} == MY.WantedType`]),
  ];
  return adFromValues({
    WantWholeMachine: true,
    RequestCpus: 1,
    ...(image === null ? {} : { WantedImage: image }),
    ...(type === null ? {} : { WantedType: type }),
    ...(owner === null ? {} : { Owner: owner }),
    Requirements: clauses.length === 0 ? true : expression(clauses.join(' && ')),
  });
}
