import { randomUUID } from 'node:crypto';

export type Json = Readonly<Record<string, unknown>>;
type Text = Readonly<Record<string, string>>;

export interface FakePod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly labels: Text;
  readonly annotations: Text;
  readonly spec: Json;
  readonly createdAtMs: number;
  /** Its node has it from then on. */
  readonly boundAtMs: number;
  readonly version: number;
  deletedAtMs: number | null;
  goneAtMs: number | null;
  /** In place of what its times say. */
  status: Json | null;
}

export interface FakeSecret {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Text;
  readonly owner: string | null;
  readonly data: Text;
}

export interface Levers {
  /** From a pod's creation until it runs. */
  bootMs: number;
  /** A pod that its node has stays so long after it is deleted. */
  stopMs: number;
  /** Pods that the namespace's quota lets be. */
  podsMax: number;
  /** So many continue tokens are refused as too old. */
  expiredTokens: number;
}

export interface World {
  readonly now: () => number;
  readonly levers: Levers;
  readonly namespaces: readonly string[];
  readonly pods: FakePod[];
  readonly secrets: FakeSecret[];
  readonly quotas: Json[];
  readonly nodes: readonly Json[];
  /** Users by their bearer tokens. */
  readonly tokens: Map<string, string>;
  /** What a user may do, as `create pods`; others may do all. */
  readonly rights: Map<string, ReadonlySet<string>>;
  version: number;
}

export const namespace = 'workers';

export function makeWorld(now: () => number): World {
  return {
    now,
    levers: { bootMs: 0, stopMs: 0, podsMax: Number.POSITIVE_INFINITY, expiredTokens: 0 },
    namespaces: [namespace, 'other'],
    pods: [],
    secrets: [],
    quotas: [],
    nodes: [node('node-1', 'a', 'm.large'), node('node-2', 'b', 'm.large')],
    tokens: new Map(),
    rights: new Map(),
    version: 100,
  };
}

function node(name: string, zone: string, type: string): Json {
  const labels = {
    'kubernetes.io/arch': 'amd64',
    'node.kubernetes.io/instance-type': type,
    'topology.kubernetes.io/zone': zone,
  };
  const allocatable = {
    cpu: '7910m',
    memory: '31Gi',
    'ephemeral-storage': '95Gi',
    pods: '110',
    'nvidia.com/gpu': '1',
  };
  return { metadata: { name, uid: randomUUID(), labels }, spec: {}, status: { allocatable } };
}

export interface NewPod {
  readonly name: string;
  readonly namespace: string;
  readonly labels?: Text;
  readonly annotations?: Text;
  readonly spec?: Json;
}

export function addPod(world: World, wanted: NewPod): FakePod {
  world.version += 1;
  const pod: FakePod = {
    labels: {},
    annotations: {},
    spec: {},
    ...wanted,
    uid: randomUUID(),
    createdAtMs: world.now(),
    boundAtMs: world.now() + world.levers.bootMs,
    version: world.version,
    deletedAtMs: null,
    goneAtMs: null,
    status: null,
  };
  world.pods.push(pod);
  return pod;
}

/** There is an object of it. */
export function exists(world: World, pod: FakePod): boolean {
  return pod.goneAtMs === null || world.now() < pod.goneAtMs;
}

export function isLiving(world: World, pod: FakePod): boolean {
  return exists(world, pod) && pod.deletedAtMs === null;
}

export function isBound(world: World, pod: FakePod): boolean {
  return world.now() >= pod.boundAtMs;
}

export function podNamed(world: World, place: string, name: string): FakePod | undefined {
  return world.pods.find((pod) => pod.namespace === place && pod.name === name && exists(world, pod));
}

/** One that no node has goes at once. Its Secret goes with it. */
export function beginEnd(world: World, pod: FakePod): void {
  if (pod.deletedAtMs !== null) return;
  world.version += 1;
  pod.deletedAtMs = world.now();
  pod.goneAtMs = world.now() + (isBound(world, pod) ? world.levers.stopMs : 0);
}

/** A pod as the server shows it. */
export function podBody(world: World, pod: FakePod): Json {
  const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      uid: pod.uid,
      resourceVersion: String(pod.version),
      creationTimestamp: iso(Math.max(0, pod.createdAtMs)),
      ...(pod.deletedAtMs === null
        ? {}
        : { deletionTimestamp: iso(pod.deletedAtMs + 30_000), deletionGracePeriodSeconds: 30 }),
      labels: pod.labels,
      annotations: pod.annotations,
      managedFields: [],
    },
    spec: { ...pod.spec, ...(isBound(world, pod) ? { nodeName: 'node-1' } : {}) },
    status: pod.status ?? statusOf(world, pod),
  };
}

function statusOf(world: World, pod: FakePod): Json {
  if (!isBound(world, pod)) return { phase: 'Pending', qosClass: 'Guaranteed' };
  const low = pod.version % 65_536;
  return {
    phase: 'Running',
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type: 'Ready', status: 'True' },
    ],
    podIP: `10.1.${low >> 8}.${low & 255}`,
    containerStatuses: [
      { name: 'worker', ready: true, state: { running: { startedAt: '2026-11-22T02:34:57Z' } } },
    ],
    qosClass: 'Guaranteed',
  };
}
