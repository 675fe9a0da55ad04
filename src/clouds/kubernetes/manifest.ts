import { createHash } from 'node:crypto';
import type { InstanceId } from '../../model/ids.ts';
import { annotationsOf, labelsOf, type Mark } from './mark.ts';
import type { KubernetesOffer, PodTemplate } from './offer.ts';
import { templateOf } from './template.ts';

const volumeName = 'spillway-user-data';
const userDataKey = 'user-data';

/** Whoever is root in the container may read and run it; where the template sets an `fsGroup`, that group as well. */
const userDataMode = 0o500;

export interface Worker {
  readonly name: InstanceId;
  readonly mark: Mark;
  readonly settings: KubernetesOffer;
  readonly userData: string | null;
}

export interface Manifest {
  /** The pod as it is sent. User data are not in it: whoever may read pods would read them. */
  readonly pod: unknown;
  /** Of the pod and its user data: another order has another, as far as user data of few bits may tell. */
  readonly digest: string;
}

/** The pod of one machine: the template, with what the offer says of the worker, the mark and the user data put into it. */
export function manifestOf({ name, mark, settings, userData }: Worker): Manifest {
  const { metadata = {}, spec = {} } = templateOf(settings);
  const [worker = { name: 'worker' }, ...others] = spec.containers ?? [];
  const hasUserData = userData !== null;
  const wholeSpec = {
    // Jobs run anybody's code: unless the template says otherwise it gets no token for this API.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...spec,
    restartPolicy: 'Never',
    containers: [workerOf(worker, settings, hasUserData), ...others],
    ...(hasUserData ? { volumes: [...(spec.volumes ?? []), userDataVolume(name)] } : {}),
  };
  const digest = digestOf([mark, metadata, wholeSpec], userData);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: { ...metadata.labels, ...labelsOf(mark) },
      annotations: { ...metadata.annotations, ...annotationsOf(mark, digest) },
    },
    spec: wholeSpec,
  };
  return { pod, digest };
}

/**
 * Anybody who may look at pods sees it, so of the user data it has 16 bits: enough to tell that a template was changed meanwhile, and too
 * few to try guesses of what is in them.
 */
function digestOf(rest: unknown, userData: string | null): string {
  const hex = (text: string) => createHash('sha256').update(text).digest('hex');
  return `${hex(JSON.stringify(rest)).slice(0, 40)}-${userData === null ? 'none' : hex(userData).slice(0, 4)}`;
}

type Container = NonNullable<NonNullable<PodTemplate['spec']>['containers']>[number];

function workerOf(container: Container, settings: KubernetesOffer, hasUserData: boolean): unknown {
  const { userDataFolder } = settings;
  const wanted = resourcesOf(settings);
  const { requests, limits } = container.resources ?? {};
  const command =
    settings.command ?? container.command ?? (hasUserData ? [`${userDataFolder}/${userDataKey}`] : undefined);
  const mount = { name: volumeName, mountPath: userDataFolder, readOnly: true };
  return {
    ...container,
    ...(settings.image === undefined ? {} : { image: settings.image }),
    ...(command === undefined ? {} : { command }),
    resources: {
      ...container.resources,
      requests: { ...asText(requests), ...wanted },
      limits: { ...asText(limits), ...wanted },
    },
    ...(hasUserData ? { volumeMounts: [...(container.volumeMounts ?? []), mount] } : {}),
  };
}

/** As requests and as limits alike: a worker has what its offer promises, and no more. */
function resourcesOf({
  cpus,
  memory,
  disk,
  gpus,
  gpuResource,
}: KubernetesOffer): Readonly<Record<string, string>> {
  return {
    ...(cpus === undefined ? {} : { cpu: `${Math.round(cpus * 1000)}m` }),
    ...(memory === undefined ? {} : { memory: `${memory}Mi` }),
    ...(disk === undefined ? {} : { 'ephemeral-storage': `${disk}Mi` }),
    ...(gpus === undefined ? {} : { [gpuResource]: String(gpus) }),
  };
}

/** YAML makes numbers of what the API wants as text. */
function asText(
  quantities: Readonly<Record<string, string | number>> | undefined,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(quantities ?? {}).map(([key, value]) => [key, String(value)]));
}

function userDataVolume(name: InstanceId): unknown {
  return { name: volumeName, secret: { secretName: name, defaultMode: userDataMode } };
}

/**
 * The Secret with a machine's user data. It has the pod's name and is the pod's own: the cluster deletes it when the pod is gone,
 * whatever became of this program.
 */
export function secretOf(
  { name, mark, userData }: Worker & { readonly userData: string },
  podUid: string,
): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      labels: labelsOf(mark),
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid: podUid }],
    },
    type: 'Opaque',
    immutable: true,
    data: { [userDataKey]: Buffer.from(userData, 'utf8').toString('base64') },
  };
}
