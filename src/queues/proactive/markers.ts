import type { Words } from './wire.ts';

/**
 * Generic information by which jobs and tasks ask for machines of their own, as ProActive's IaaS policy reads it. A task's
 * word goes before its job's. Only what says the operation *and* the token itself deploys or undeploys; which
 * node source, image, type and how many may be said by the job for all its tasks.
 */
const word = {
  token: 'NODE_ACCESS_TOKEN',
  operation: 'IAAS_OPERATION',
  source: 'IAAS_NODE_SOURCE',
  instances: 'IAAS_INSTANCE_NB',
  image: 'IAAS_IMAGE_ID',
  type: 'IAAS_INSTANCE_TYPE',
} as const;

/** Only nodes of this token may run a task that names one. */
export const tokenOf = (words: Words): string | null => words.get(word.token) || null;

/** The node source that a task is restricted to, whatever its policy. */
export const sourceOf = (words: Words): string | null => words.get('NODE_SOURCE') || null;

/** Not before: ISO 8601, on a job or a task. */
export const startOf = (words: Words): string | null => words.get('START_AT') || null;

export function isMarked(words: Words): boolean {
  return words.has(word.operation);
}

export interface Wish {
  readonly token: string;
  /** The node source's name. */
  readonly source: string;
  readonly instances: number;
  /** Null: any. */
  readonly image: string | null;
  readonly type: string | null;
}

/** What deploys; `wrong`: it would, and cannot be understood. Null: it does not. */
export function deploymentOf(target: Words, job: Words): Wish | { readonly wrong: string } | null {
  const operation = target.get(word.operation);
  const token = tokenOf(target);
  if ((operation !== 'DEPLOY' && operation !== 'DEPLOY_AND_UNDEPLOY') || token === null) return null;
  // It is sent in a header.
  if (!/^[\x21-\x7e]{1,200}$/.test(token))
    return { wrong: `${word.token} has other characters than a token may have` };
  const either = (name: string) => target.get(name) ?? job.get(name) ?? null;
  const source = either(word.source);
  if (source === null) return null;
  const text = either(word.instances);
  const instances = /^\d{1,6}$/.test(text ?? '') ? Number(text) : 0;
  if (instances === 0) return { wrong: `${word.instances} is no number of machines` };
  return { token, source, instances, image: either(word.image), type: typeOf(either(word.type)) };
}

/** The token whose machines go when this task has ended; null: none's. */
export function undeployedBy(task: Words, job: Words): string | null {
  const operation = task.get(word.operation);
  if (operation !== 'UNDEPLOY' && operation !== 'DEPLOY_AND_UNDEPLOY') return null;
  return tokenOf(task) ?? tokenOf(job);
}

function typeOf(type: string | null): string | null {
  return type === null || type === '' || type.toUpperCase() === 'DEFAULT' ? null : type;
}
