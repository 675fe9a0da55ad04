/** Servers of the made-up cloud of docs/writing-a-driver.md: what is so, apart from how it is asked for. */
export interface ExampleServer {
  readonly id: string;
  readonly key: string;
  readonly index: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly userData: Buffer | null;
  readonly createdAtMs: number;
  readonly runningAtMs: number;
  endedAtMs: number | null;
}

export interface ExampleLevers {
  bootMs: number;
  stopMs: number;
  /** A new server is in no view and unknown by its id for so long. */
  lagMs: number;
  room: number;
  serversMax: number;
}

export interface ExampleWorld {
  nowMs: number;
  readonly levers: ExampleLevers;
  readonly servers: ExampleServer[];
  /** The request of each key. */
  readonly asked: Map<string, string>;
}

/** An ended server is shown for an hour. */
const shownMs = 3_600_000;

export function makeExampleWorld(): ExampleWorld {
  const unbounded = Number.POSITIVE_INFINITY;
  return {
    nowMs: 1_000_000,
    levers: { bootMs: 0, stopMs: 0, lagMs: 0, room: unbounded, serversMax: unbounded },
    servers: [],
    asked: new Map(),
  };
}

export function addExampleServer(
  world: ExampleWorld,
  wanted: Pick<ExampleServer, 'key' | 'index' | 'labels' | 'userData'> & { readonly createdAtMs?: number },
): ExampleServer {
  const createdAtMs = wanted.createdAtMs ?? world.nowMs;
  const id = `srv-${String(world.servers.length + 1).padStart(6, '0')}`;
  const runningAtMs = createdAtMs + world.levers.bootMs;
  const server = { ...wanted, id, createdAtMs, runningAtMs, endedAtMs: null };
  world.servers.push(server);
  return server;
}

/** It has not been asked to end. */
export const isLiving = ({ endedAtMs }: ExampleServer) => endedAtMs === null;

export function isSeen({ nowMs, levers }: ExampleWorld, { createdAtMs, endedAtMs }: ExampleServer): boolean {
  const isForgotten = endedAtMs !== null && nowMs >= endedAtMs + levers.stopMs + shownMs;
  return nowMs >= createdAtMs + levers.lagMs && !isForgotten;
}

export function stateOf({ nowMs, levers }: ExampleWorld, { runningAtMs, endedAtMs }: ExampleServer): string {
  if (endedAtMs !== null) return nowMs >= endedAtMs + levers.stopMs ? 'deleted' : 'stopping';
  return nowMs >= runningAtMs ? 'running' : 'booting';
}
