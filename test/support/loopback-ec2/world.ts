import {
  defaultImages,
  defaultTemplates,
  defaultTypes,
  type LoopbackImage,
  type LoopbackTemplate,
  type LoopbackType,
} from './stock.ts';
import type { Xml } from './xml.ts';

export type LoopbackState = 'pending' | 'running' | 'shutting-down' | 'terminated';

/** A machine that the server has ever made. All times are the server's own, in ms. */
export interface LoopbackInstance {
  readonly id: string;
  readonly seq: number;
  readonly reservation: string;
  readonly launchIndex: number;
  readonly clientToken: string;
  readonly image: string;
  readonly type: string;
  readonly zone: string;
  readonly privateAddress: string;
  readonly tags: ReadonlyMap<string, string>;
  /** Of its volumes, as the create call gave them. */
  readonly volumeTags: ReadonlyMap<string, string>;
  /** Of its spot request, as the create call gave them. */
  readonly requestTags: ReadonlyMap<string, string>;
  readonly spot: boolean;
  /** The status of its spot request, in EC2's words. */
  readonly spotStatus: string;
  readonly volumes: readonly NewVolume[];
  /** As it was sent, decoded. */
  readonly userData: Buffer | null;
  readonly createdAtMs: number;
  readonly runningAtMs: number;
  /** Set once its end has begun. */
  readonly endingAtMs: number | null;
  readonly terminatedAtMs: number | null;
  /** EC2's words for why, e.g. `Client.UserInitiatedShutdown`. */
  readonly stateReason: string;
  /** Hidden from every view as if it had never been: a lie that a test wants told. */
  readonly vanished: boolean;
}

export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** What a test may turn while the server runs; read at every call. */
export interface Levers {
  bootMs: number;
  stopMs: number;
  /** DescribeInstances shows what was so long ago. */
  listLagMs: number;
  /** TerminateInstances does not know an instance until it is so old. */
  unknownForMs: number;
  /** Terminated instances are shown for so long. */
  terminatedShownMs: number;
  /** Real time before each answer, by action; `*` for all others. */
  delayMs: Record<string, number>;
  /** Living machines allowed, by `type`, `type:zone` or `*`; more is InsufficientInstanceCapacity. */
  capacity: Record<string, number>;
  /** Living processors allowed; more is VcpuLimitExceeded. null: no limit. */
  vcpusMax: number | null;
  /** Actions that the account has no right to. */
  denied: string[];
  /** Spot prices of an hour in USD, by `type:zone`. */
  spotPrices: Record<string, number>;
}

export interface NewVolume {
  readonly device: string;
  readonly endsWithMachine: boolean;
}

export interface World {
  readonly now: () => number;
  readonly levers: Levers;
  readonly types: ReadonlyMap<string, LoopbackType>;
  readonly images: ReadonlyMap<string, LoopbackImage>;
  readonly templates: readonly LoopbackTemplate[];
  readonly zones: readonly string[];
  readonly instances: Mutable<LoopbackInstance>[];
  readonly byId: Map<string, Mutable<LoopbackInstance>>;
  readonly tokens: Map<string, { readonly parameters: string; readonly reservation: string }>;
  /** Of fleets: the answer to a token. */
  readonly fleets: Map<string, { readonly parameters: string; readonly answer: Xml }>;
  readonly byReservation: Map<string, Mutable<LoopbackInstance>[]>;
}

export interface WorldOptions {
  /** The server's clock, in ms; it never steps back. */
  readonly now: () => number;
  readonly zones?: readonly string[];
  readonly types?: readonly LoopbackType[];
  readonly images?: readonly LoopbackImage[];
  readonly templates?: readonly LoopbackTemplate[];
  readonly levers?: Partial<Levers>;
}

export function makeWorld(options: WorldOptions): World {
  return {
    now: options.now,
    levers: {
      bootMs: 0,
      stopMs: 0,
      listLagMs: 0,
      unknownForMs: 0,
      terminatedShownMs: 3_600_000,
      delayMs: {},
      capacity: {},
      vcpusMax: null,
      denied: [],
      spotPrices: {},
      ...options.levers,
    },
    types: new Map((options.types ?? defaultTypes).map((type) => [type.name, type])),
    images: new Map((options.images ?? defaultImages).map((image) => [image.id, image])),
    templates: options.templates ?? defaultTemplates,
    zones: options.zones ?? ['us-east-1a', 'us-east-1b'],
    instances: [],
    byId: new Map(),
    tokens: new Map(),
    fleets: new Map(),
    byReservation: new Map(),
  };
}

export interface NewInstances {
  readonly count: number;
  readonly clientToken: string;
  readonly image: string;
  readonly type: string;
  readonly zone: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly volumeTags: ReadonlyMap<string, string>;
  readonly requestTags: ReadonlyMap<string, string>;
  readonly spot: boolean;
  readonly volumes: readonly NewVolume[];
  readonly userData: Buffer | null;
}

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0');

export function addInstances(world: World, wanted: NewInstances): readonly Mutable<LoopbackInstance>[] {
  const reservation = `r-${hex(world.byReservation.size + 1, 17)}`;
  const made: Mutable<LoopbackInstance>[] = [];
  for (let launchIndex = 0; launchIndex < wanted.count; launchIndex += 1) {
    const seq = world.instances.length + 1;
    const createdAtMs = world.now();
    const instance = {
      ...wanted,
      id: `i-${hex(seq, 17)}`,
      seq,
      reservation,
      launchIndex,
      privateAddress: `10.${(seq >> 16) & 255}.${(seq >> 8) & 255}.${seq & 255}`,
      createdAtMs,
      runningAtMs: createdAtMs + world.levers.bootMs,
      endingAtMs: null,
      terminatedAtMs: null,
      stateReason: '',
      spotStatus: 'fulfilled',
      vanished: false,
    };
    made.push(instance);
    world.instances.push(instance);
    world.byId.set(instance.id, instance);
  }
  world.byReservation.set(reservation, made);
  return made;
}

/** Begins the end of an instance; one that is ending goes on as it was. */
export function endInstance(world: World, instance: Mutable<LoopbackInstance>, reason: string): void {
  if (instance.endingAtMs !== null) return;
  instance.endingAtMs = world.now();
  instance.terminatedAtMs = world.now() + world.levers.stopMs;
  instance.stateReason = reason;
}

export function stateAt(instance: LoopbackInstance, atMs: number): LoopbackState {
  if (instance.terminatedAtMs !== null && atMs >= instance.terminatedAtMs) return 'terminated';
  if (instance.endingAtMs !== null && atMs >= instance.endingAtMs) return 'shutting-down';
  return atMs >= instance.runningAtMs ? 'running' : 'pending';
}

/** Counts toward capacity and quota. */
export function isLiving(world: World, instance: LoopbackInstance): boolean {
  const state = stateAt(instance, world.now());
  return state === 'pending' || state === 'running';
}

/** Whether a view taken now, that lags as the lever says, shows the instance. */
export function isShown(world: World, instance: LoopbackInstance): boolean {
  const seenAtMs = world.now() - world.levers.listLagMs;
  if (instance.vanished || instance.createdAtMs > seenAtMs) return false;
  return (
    instance.terminatedAtMs === null || seenAtMs < instance.terminatedAtMs + world.levers.terminatedShownMs
  );
}
