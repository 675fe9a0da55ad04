import type { ApiAnswer, ApiCall } from './api.ts';
import { invalid, refuse } from './refusal.ts';
import { addPod, exists, type Json, podBody, podNamed, type World } from './world.ts';

type Text = Readonly<Record<string, string>>;

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const qualified = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const quantity = /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/;

interface Metadata {
  readonly name: string;
  readonly labels: Text;
  readonly annotations: Text;
  readonly ownerReferences: readonly { readonly uid: string; readonly name: string }[];
}

/** `POST …/pods`: what is wrong with the object, then whether the name is taken, then the quota. */
export function createPod(world: World, { body, query }: ApiCall, namespace: string): ApiAnswer {
  knownNamespace(world, namespace);
  const strict = query.get('fieldValidation') === 'Strict';
  onlyFields(body, ['apiVersion', 'kind', 'metadata', 'spec'], strict);
  const metadata = metadataOf('Pod', body);
  const spec = (body.spec ?? {}) as Json;
  if (strict) onlyFields(spec, podFields, strict);
  checkContainers(metadata.name, spec);
  const same = podNamed(world, namespace, metadata.name);
  if (same !== undefined) {
    const ending = same.deletedAtMs === null ? '' : 'object is being deleted: ';
    const details = { name: metadata.name, kind: 'pods' };
    refuse(409, 'AlreadyExists', `${ending}pods "${metadata.name}" already exists`, details);
  }
  checkQuota(world, namespace, metadata.name);
  const wanted = { ...metadata, namespace, spec };
  if (query.get('dryRun') === 'All') {
    const pod = addPod(world, wanted);
    world.pods.pop();
    return { status: 201, body: podBody(world, pod) };
  }
  return { status: 201, body: podBody(world, addPod(world, wanted)) };
}

const podFields = [
  'affinity',
  'automountServiceAccountToken',
  'containers',
  'enableServiceLinks',
  'imagePullSecrets',
  'initContainers',
  'nodeSelector',
  'priorityClassName',
  'restartPolicy',
  'securityContext',
  'serviceAccountName',
  'terminationGracePeriodSeconds',
  'tolerations',
  'volumes',
];

function checkContainers(name: string, spec: Json): void {
  const containers = (spec.containers ?? []) as readonly Json[];
  if (containers.length === 0) invalid('Pod', name, 'spec.containers', 'Required value');
  for (const [at, container] of containers.entries()) {
    if (typeof container.image !== 'string' || container.image === '') {
      invalid('Pod', name, `spec.containers[${at}].image`, 'Required value');
    }
    const { requests = {}, limits = {} } = (container.resources ?? {}) as Readonly<Record<string, Text>>;
    for (const text of [...Object.values(requests), ...Object.values(limits)]) {
      if (typeof text === 'string' && quantity.test(text)) continue;
      const message = `Pod in version "v1" cannot be handled as a Pod: quantities must match the regular expression '${quantity.source}'`;
      refuse(400, 'BadRequest', message);
    }
  }
}

function checkQuota(world: World, namespace: string, name: string): void {
  const used = world.pods.filter((pod) => pod.namespace === namespace && exists(world, pod)).length;
  const { podsMax } = world.levers;
  if (used < podsMax) return;
  const message = `pods "${name}" is forbidden: exceeded quota: q, requested: pods=1, used: pods=${used}, limited: pods=${podsMax}`;
  refuse(403, 'Forbidden', message, { name, kind: 'pods' });
}

const secretBytesMax = 1024 * 1024;

export function createSecret(world: World, { body }: ApiCall, namespace: string): ApiAnswer {
  knownNamespace(world, namespace);
  onlyFields(body, ['apiVersion', 'kind', 'metadata', 'data', 'immutable', 'type'], true);
  const { name, labels, ownerReferences } = metadataOf('Secret', body);
  const data = (body.data ?? {}) as Text;
  const bytes = Object.values(data).reduce((sum, text) => sum + Buffer.from(text, 'base64').length, 0);
  if (bytes > secretBytesMax)
    invalid('Secret', name, 'data', `Too long: may not be more than ${secretBytesMax} bytes`);
  if (world.secrets.some((secret) => secret.namespace === namespace && secret.name === name)) {
    refuse(409, 'AlreadyExists', `secrets "${name}" already exists`, { name, kind: 'secrets' });
  }
  world.secrets.push({ name, namespace, labels, data, owner: ownerReferences[0]?.uid ?? null });
  return { status: 201, body: { kind: 'Secret', apiVersion: 'v1', metadata: { name, namespace }, data } };
}

function knownNamespace(world: World, namespace: string): void {
  if (world.namespaces.includes(namespace)) return;
  const details = { name: namespace, kind: 'namespaces' };
  refuse(404, 'NotFound', `namespaces "${namespace}" not found`, details);
}

function onlyFields(body: Json, known: readonly string[], strict: boolean): void {
  const odd = Object.keys(body).find((key) => !known.includes(key));
  if (odd === undefined || !strict) return;
  const message = `Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "${odd}"`;
  refuse(400, 'BadRequest', message);
}

function metadataOf(kind: string, body: Json): Metadata {
  const {
    name = '',
    labels = {},
    annotations = {},
    ownerReferences = [],
  } = (body.metadata ?? {}) as Partial<Metadata>;
  if (!subdomain.test(name) || name.length > 253) {
    invalid(
      kind,
      name,
      'metadata.name',
      `Invalid value: "${name}": a lowercase RFC 1123 subdomain must consist of …`,
    );
  }
  for (const [key, value] of Object.entries(labels)) {
    if (qualified.test(key) && labelValue.test(value) && Buffer.byteLength(value) <= 63) continue;
    invalid(kind, name, 'metadata.labels', `Invalid value: "${value}": a valid label must be …`);
  }
  for (const [key, value] of Object.entries(annotations)) {
    if (!qualified.test(key) || typeof value !== 'string') {
      invalid(kind, name, 'metadata.annotations', `Invalid value: "${key}": name part must consist of …`);
    }
  }
  return { name, labels, annotations, ownerReferences };
}
