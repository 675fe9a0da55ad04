/** A stand-in's whole state: machines, jobs, disks, what may be had, and the levers that tests turn. */
export interface World {
  readonly now: () => number;
  readonly levers: Levers;
  readonly stock: Stock;
  /** Every machine ever made, in the order of their creation, which is the order of the lists. */
  readonly machines: Machine[];
  readonly jobs: Map<string, Job>;
  readonly disks: Disk[];
  readonly groups: Set<string>;
  nextId(): string;
}

export interface Levers {
  bootMs: number;
  stopMs: number;
  /** A new machine is in no list, and unknown by its id, for so long. */
  lagMs: number;
  /** Living machines that the zone has addresses for: beyond it the create call is refused with 533. */
  room: number;
  /** Living machines that the hosts have room for: beyond it machines are made, and their start fails with 533. */
  hostRoom: number;
  /** Machines that the account may have, destroyed ones that are not expunged with them. */
  machinesMax: number | null;
  cpusMax: number | null;
  mayExpunge: boolean;
  /** The key is an administrator's, who sees a second account; `withKeys`: and whose keys are whose. */
  accounts: 'own' | 'all' | 'withKeys';
  pageSizeMax: number;
  userDataCharsMax: number;
  /** Keys that a denied detail of a machine has: they are kept and never shown. */
  readonly deniedDetails: Set<string>;
  /** Commands that the key's role may not call, as `listApis` has it. */
  readonly deniedCommands: Set<string>;
}

export interface Stock {
  readonly zones: readonly { readonly id: string; readonly name: string }[];
  readonly serviceOfferings: readonly {
    readonly id: string;
    readonly name: string;
    /** Null: the call says it, in its details. */
    readonly size: { readonly cpus: number; readonly memoryMiB: number } | null;
  }[];
  readonly diskOfferings: readonly { readonly id: string; readonly name: string; readonly custom: boolean }[];
  readonly templates: readonly {
    readonly id: string;
    readonly name: string;
    readonly created: string;
    readonly ready: boolean;
  }[];
  readonly networks: readonly { readonly id: string; readonly name: string }[];
  readonly keyPairs: readonly string[];
  readonly apiKey: string;
  readonly project: { readonly id: string };
}

export interface Machine {
  readonly id: string;
  readonly name: string;
  readonly group: string | null;
  readonly zone: string;
  readonly serviceOffering: string;
  readonly template: string;
  readonly project: string | null;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly details: ReadonlyMap<string, string>;
  readonly tags: Map<string, string>;
  readonly userData: Buffer | null;
  readonly createdAtMs: number;
  /** What its start came to grief by. */
  readonly startFault: { readonly code: number; readonly text: string } | null;
  bootMs: number;
  /** It has switched itself off. */
  isOff: boolean;
  end: { readonly atMs: number; readonly expunge: boolean } | null;
  /** Which job is under way for it, if any. */
  job: string | null;
}

export interface Job {
  readonly id: string;
  readonly command: string;
  readonly doneAtMs: number;
  readonly fault: { readonly code: number; readonly text: string } | null;
  /** What a job that went well answers with. */
  readonly result: () => Readonly<Record<string, unknown>>;
}

export interface Disk {
  readonly id: string;
  readonly type: 'ROOT' | 'DATADISK';
  machine: string | null;
  sizeGiB: number;
  isGone: boolean;
}

export type MachineState =
  | 'Stopped'
  | 'Starting'
  | 'Running'
  | 'Error'
  | 'Stopping'
  | 'Destroyed'
  | 'Expunged';

export function stateOf(world: World, machine: Machine): MachineState {
  const now = world.now();
  const { end } = machine;
  if (end !== null) {
    if (now < end.atMs) return 'Stopping';
    return end.expunge ? 'Expunged' : 'Destroyed';
  }
  const age = now - machine.createdAtMs;
  // Between its creation and the job that starts it.
  if (age < machine.bootMs / 2) return 'Stopped';
  if (age < machine.bootMs) return 'Starting';
  if (machine.startFault !== null) return 'Error';
  return machine.isOff ? 'Stopped' : 'Running';
}

/** Not ended, and not come to grief. */
export function isLiving(world: World, machine: Machine): boolean {
  return machine.end === null && stateOf(world, machine) !== 'Error' && machine.startFault === null;
}

/** Late ones are in no view yet. */
export function isKnown(world: World, machine: Machine): boolean {
  return world.now() - machine.createdAtMs >= world.levers.lagMs;
}

export function isJobOver(world: World, job: Job): boolean {
  return world.now() >= job.doneAtMs;
}

/** Counts toward the limits: all that is not expunged. */
export function counted(world: World): readonly Machine[] {
  return world.machines.filter((machine) => stateOf(world, machine) !== 'Expunged');
}

export const usualStock: Stock = {
  zones: [
    { id: 'd6a5c3f0-1111-4aaa-8aaa-000000000001', name: 'north' },
    { id: 'd6a5c3f0-1111-4aaa-8aaa-000000000002', name: 'south' },
  ],
  serviceOfferings: [
    { id: 'd6a5c3f0-2222-4aaa-8aaa-000000000001', name: 'small', size: { cpus: 2, memoryMiB: 4096 } },
    { id: 'd6a5c3f0-2222-4aaa-8aaa-000000000002', name: 'large', size: { cpus: 8, memoryMiB: 16_384 } },
    { id: 'd6a5c3f0-2222-4aaa-8aaa-000000000003', name: 'open', size: null },
  ],
  diskOfferings: [
    { id: 'd6a5c3f0-3333-4aaa-8aaa-000000000001', name: 'scratch', custom: false },
    { id: 'd6a5c3f0-3333-4aaa-8aaa-000000000002', name: 'scratch-any', custom: true },
  ],
  templates: [
    {
      id: 'd6a5c3f0-4444-4aaa-8aaa-000000000001',
      name: 'worker',
      created: '2026-01-01T00:00:00+0000',
      ready: true,
    },
    {
      id: 'd6a5c3f0-4444-4aaa-8aaa-000000000002',
      name: 'worker',
      created: '2026-06-01T00:00:00+0000',
      ready: true,
    },
    {
      id: 'd6a5c3f0-4444-4aaa-8aaa-000000000003',
      name: 'worker',
      created: '2026-07-01T00:00:00+0000',
      ready: false,
    },
    {
      id: 'd6a5c3f0-4444-4aaa-8aaa-000000000004',
      name: 'worker-test',
      created: '2026-08-01T00:00:00+0000',
      ready: true,
    },
  ],
  networks: [
    { id: 'd6a5c3f0-5555-4aaa-8aaa-000000000001', name: 'farm' },
    { id: 'd6a5c3f0-5555-4aaa-8aaa-000000000002', name: 'farm-storage' },
    { id: 'd6a5c3f0-5555-4aaa-8aaa-000000000003', name: 'twice' },
    { id: 'd6a5c3f0-5555-4aaa-8aaa-000000000004', name: 'twice' },
  ],
  keyPairs: ['admin'],
  apiKey: 'StandInApiKey_0123456789-abcdefghijklmnopqrstuvwxyzABCDEF',
  project: { id: 'd6a5c3f0-6666-4aaa-8aaa-000000000001' },
};

export function makeWorld(now: () => number, stock: Stock = usualStock): World {
  let last = 0;
  return {
    now,
    stock,
    levers: {
      bootMs: 0,
      stopMs: 0,
      lagMs: 0,
      room: Number.POSITIVE_INFINITY,
      hostRoom: Number.POSITIVE_INFINITY,
      machinesMax: null,
      cpusMax: null,
      mayExpunge: true,
      accounts: 'own',
      pageSizeMax: 500,
      userDataCharsMax: 32_768,
      deniedDetails: new Set(),
      deniedCommands: new Set(),
    },
    machines: [],
    jobs: new Map(),
    disks: [],
    groups: new Set(),
    nextId() {
      last += 1;
      return `5a1d0000-0000-4000-8000-${last.toString(16).padStart(12, '0')}`;
    },
  };
}
