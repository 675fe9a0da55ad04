import { parse } from 'yaml';
import { describeRef, type Secret } from '../../config/secrets.ts';
import { CloudError } from '../../model/errors.ts';
import { type KubernetesOffer, type PodTemplate, podTemplate } from './offer.ts';

/** Files that have been read, by what the config has of them: a reload makes others. */
const known = new WeakMap<Secret, PodTemplate>();

/** The pod that an offer begins with, from the config or from a file. Throws a CloudError where the file is no pod. */
export function templateOf({ pod, podFile }: KubernetesOffer): PodTemplate {
  if (podFile === undefined) return pod ?? {};
  const before = known.get(podFile);
  if (before !== undefined) return before;
  const read = podTemplate.safeParse(yamlOf(podFile));
  if (!read.success) {
    const [issue] = read.error.issues;
    throw wrong(podFile, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  if (read.data.spec?.containers === undefined) throw wrong(podFile, 'it has no containers');
  known.set(podFile, read.data);
  return read.data;
}

function yamlOf(file: Secret): unknown {
  try {
    return parse(file.text());
  } catch {
    throw wrong(file, 'it is not YAML');
  }
}

function wrong(file: Secret, what: string): CloudError {
  return new CloudError('invalid', `the pod in ${describeRef(file.ref)}: ${what}`);
}
