import { randomUUID } from 'node:crypto';

export interface FakeServer {
  readonly id: string;
  readonly seq: number;
  readonly project: string;
  readonly name: string;
  readonly flavor: FakeFlavor;
  readonly image: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly userData: Buffer | null;
  readonly reservation: string;
  /** The whole `server` object and the hints of the create call. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly hints: Readonly<Record<string, unknown>> | null;
  readonly createdAtMs: number;
  /** Visible from then on. */
  readonly shownAtMs: number;
  runningAtMs: number;
  deletingAtMs: number | null;
  goneAtMs: number | null;
  /** It was accepted and failed. */
  fault: string | null;
  /** Overrides what its times say: SHUTOFF, UNKNOWN, … */
  status: string | null;
  locked: boolean;
  /** It was deleted while Nova placed others of its call: listed for ever, and not found by its id. */
  remnant: boolean;
}

export interface FakeFlavor {
  readonly id: string;
  readonly name: string;
  readonly vcpus: number;
  readonly ram: number;
  readonly disk: number;
  readonly extra_specs: Readonly<Record<string, string>>;
}

export interface FakeImage {
  readonly id: string;
  readonly name: string;
  readonly created_at: string;
  readonly status: string;
  readonly properties: Readonly<Record<string, string>>;
}

export interface FakeNetwork {
  readonly id: string;
  readonly name: string;
  readonly external: boolean;
}

export interface FakeFloatingIp {
  readonly id: string;
  readonly address: string;
  readonly network: string;
  readonly description: string;
  readonly port: string | null;
}

export interface FakeToken {
  readonly text: string;
  readonly project: string | null;
  readonly expiresAtMs: number;
  revoked: boolean;
}

/** What a test may turn while the servers run; read at every call. */
export interface Levers {
  bootMs: number;
  stopMs: number;
  /** New servers are in no view and unknown by their ids for so long. */
  lagMs: number;
  /** A deleted server stays in lists for so long, as DELETED, without its tags and metadata. */
  deletedShownMs: number;
  /** Living servers that hosts have room for; those of a call beyond end in ERROR. */
  room: number;
  instancesMax: number;
  coresMax: number;
  /** MiB. */
  ramMax: number;
  floatingMax: number;
  /** A token lives for so long. */
  tokenLifeMs: number;
  /** Nova's newest microversion. */
  microversion: string;
  /** Rows of a page at most, whatever is asked for. */
  pageMax: number;
  hasVolumes: boolean;
  /** Of the user in the project. */
  roles: readonly string[];
}

export interface World {
  readonly now: () => number;
  readonly levers: Levers;
  readonly projects: Readonly<Record<string, string>>;
  readonly flavors: FakeFlavor[];
  readonly images: FakeImage[];
  readonly networks: FakeNetwork[];
  readonly groups: readonly { readonly id: string; readonly name: string }[];
  readonly keyPairs: readonly string[];
  readonly zones: readonly string[];
  readonly servers: FakeServer[];
  readonly byId: Map<string, FakeServer>;
  readonly floatingIps: FakeFloatingIp[];
  readonly tokens: Map<string, FakeToken>;
}

export const demoProject = '3d56d563bf4f4855a5a871f9e00f644e';
export const otherProject = '00000000000000000000000000000bad';

export function makeWorld(now: () => number): World {
  return {
    now,
    levers: {
      bootMs: 0,
      stopMs: 0,
      lagMs: 0,
      deletedShownMs: 0,
      room: Number.POSITIVE_INFINITY,
      instancesMax: -1,
      coresMax: -1,
      ramMax: -1,
      floatingMax: 50,
      tokenLifeMs: 3_600_000,
      microversion: '2.93',
      pageMax: 1000,
      hasVolumes: true,
      roles: ['member', 'reader'],
    },
    projects: { demo: demoProject, other: otherProject },
    flavors: [
      { id: '1', name: 'm1.small', vcpus: 1, ram: 2048, disk: 20, extra_specs: {} },
      { id: '2', name: 'm1.medium', vcpus: 2, ram: 4096, disk: 40, extra_specs: {} },
      { id: '4', name: 'm1.large', vcpus: 4, ram: 8192, disk: 80, extra_specs: {} },
      {
        id: 'g1',
        name: 'gpu.large',
        vcpus: 4,
        ram: 8192,
        disk: 80,
        extra_specs: { 'pci_passthrough:alias': 'gpu-a100:2' },
      },
      { id: 'd0', name: 'diskless.small', vcpus: 1, ram: 2048, disk: 0, extra_specs: {} },
    ],
    images: [
      image('25435a42-da5a-4dc1-a7f8-2412821f3ae0', 'worker-a', '2026-11-20T00:00:00Z', {
        os_distro: 'debian',
      }),
      image('c1704a3b-3f24-4f02-bd89-40103faa210f', 'worker-b', '2026-11-21T00:00:00Z', {
        os_distro: 'alma',
      }),
      image('3d19a48c-6306-4df2-afce-57f5167e7aa3', 'worker-b', '2026-11-22T00:00:00Z', {
        os_distro: 'alma',
        build: '2',
      }),
    ],
    networks: [
      { id: 'd9cd1430-357d-4ee3-9e3c-968ae1f1261a', name: 'labnet', external: false },
      { id: 'e0e1b9c2-0000-4000-8000-000000000001', name: 'twice', external: false },
      { id: 'e0e1b9c2-0000-4000-8000-000000000002', name: 'twice', external: false },
      { id: 'dd67b3a9-2617-405f-854e-2f2445be2a9e', name: 'ext', external: true },
    ],
    groups: [{ id: 'a1b2c3d4-0000-4000-8000-00000000aaaa', name: 'apart' }],
    keyPairs: ['farmkey'],
    zones: ['nova', 'az-lab'],
    servers: [],
    byId: new Map(),
    floatingIps: [],
    tokens: new Map(),
  };
}

function image(id: string, name: string, created_at: string, properties: Record<string, string>): FakeImage {
  return { id, name, created_at, status: 'active', properties };
}

export interface NewFakeServer {
  readonly project: string;
  readonly name: string;
  readonly flavor: FakeFlavor;
  readonly image: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly userData: Buffer | null;
  readonly reservation: string;
  readonly asked?: Readonly<Record<string, unknown>>;
  readonly hints?: Readonly<Record<string, unknown>> | null;
  /** The server shows up so much later than it is made. */
  readonly lateMs?: number;
  readonly fault?: string | null;
  readonly createdAtMs?: number;
}

export function addServer(world: World, wanted: NewFakeServer): FakeServer {
  const createdAtMs = wanted.createdAtMs ?? world.now();
  const server: FakeServer = {
    ...wanted,
    asked: wanted.asked ?? {},
    hints: wanted.hints ?? null,
    fault: wanted.fault ?? null,
    id: randomUUID(),
    seq: world.servers.length + 1,
    createdAtMs,
    shownAtMs: createdAtMs + (wanted.lateMs ?? 0),
    runningAtMs: createdAtMs + world.levers.bootMs,
    deletingAtMs: null,
    goneAtMs: null,
    status: null,
    locked: false,
    remnant: false,
  };
  world.servers.push(server);
  world.byId.set(server.id, server);
  return server;
}

/** It exists as far as quota goes: until it is gone. */
export function isHeld(world: World, server: FakeServer): boolean {
  return server.goneAtMs === null || world.now() < server.goneAtMs;
}

/** It has not begun to end. */
export function isLiving(world: World, server: FakeServer): boolean {
  return isHeld(world, server) && server.deletingAtMs === null;
}

/** A view shows it by its id. */
export function isKnown(world: World, server: FakeServer): boolean {
  const preloaded = server.createdAtMs < 0;
  return isHeld(world, server) && (preloaded || world.now() >= server.shownAtMs + world.levers.lagMs);
}

export function statusOf(world: World, server: FakeServer): string {
  if (!isHeld(world, server)) return 'DELETED';
  if (server.status !== null) return server.status;
  if (server.fault !== null) return 'ERROR';
  return world.now() >= server.runningAtMs ? 'ACTIVE' : 'BUILD';
}

export function beginEnd(world: World, server: FakeServer): void {
  if (server.deletingAtMs !== null) return;
  server.deletingAtMs = world.now();
  server.goneAtMs = world.now() + world.levers.stopMs;
}
