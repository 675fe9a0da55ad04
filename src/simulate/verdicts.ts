import { inspect } from 'node:util';
import type { SiteConfig } from '../config/site.ts';
import type { Machine } from './simulatedCloud.ts';
import type { SimulatedSite } from './simulatedSite.ts';

/**
 * What must be true of a simulated site, judged from the clouds' and the queue's own history and from nothing that the
 * daemon says. Each line is one breach; none means that all is well.
 */
export function breaches(site: SimulatedSite): string[] {
  const died = site.ended === null ? [] : [`the daemon ended by itself: ${inspect(site.ended)}`];
  return [...boundsBroken(site), ...doubleSeats(site), ...jobsKilled(site), ...site.errors, ...died];
}

/** Counts grow only when a machine is made, so each making is looked at, with all that was not gone then. */
export function boundsBroken({ config, made }: Pick<SimulatedSite, 'config' | 'made'>): string[] {
  const machines = made();
  const found: string[] = [];
  for (const machine of machines) {
    const then = machines.filter((other) => existsAt(other, machine.createdAtMs));
    found.push(...overMax(config, machine, then));
  }
  return found;
}

function existsAt({ createdAtMs, goneAtMs }: Machine, atMs: number): boolean {
  return createdAtMs <= atMs && (goneAtMs === null || goneAtMs > atMs);
}

function overMax(config: SiteConfig, machine: Machine, then: readonly Machine[]): string[] {
  const at = `at ${machine.createdAtMs} ms, when ${machine.cloudId} was made`;
  const bounds = [
    {
      what: `pool ${machine.pool}`,
      max: config.pools.find(({ name }) => name === machine.pool)?.max ?? null,
      count: then.filter(({ pool }) => pool === machine.pool).length,
    },
    {
      what: `cloud ${machine.cloud}`,
      max: config.clouds.find(({ name }) => name === machine.cloud)?.max ?? null,
      count: then.filter(({ cloud }) => cloud === machine.cloud).length,
    },
    {
      what: `offer ${machine.offer}`,
      max: config.offers.find(({ name }) => name === machine.offer)?.max ?? null,
      count: then.filter(({ offer }) => offer === machine.offer).length,
    },
  ];
  return bounds.flatMap(({ what, max, count }) =>
    max !== null && count > max ? [`${what} had ${count} machines, its max is ${max}, ${at}`] : [],
  );
}

/** Never two machines for one seat of an intent, dead ones included. */
export function doubleSeats({ made }: Pick<SimulatedSite, 'made'>): string[] {
  const seats = Map.groupBy(made(), ({ intent, seat }) => `${intent}-${seat}`);
  return [...seats].flatMap(([seat, machines]) =>
    machines.length > 1 ? [`seat ${seat} had ${machines.length} machines`] : [],
  );
}

/** Jobs that were running on a machine when it was terminated; not those on one that vanished by itself. */
export function jobsKilled({ queue, made }: Pick<SimulatedSite, 'queue' | 'made'>): string[] {
  return queue.kills.flatMap(({ job, worker, atMs }) => {
    const machine = made().findLast(({ instance }) => worker.endsWith(instance));
    return machine?.vanished === true ? [] : [`job ${job} was killed on ${worker} at ${atMs} ms`];
  });
}

/** Machines that are there and that the store does not hold, and records of machines that are not there. */
export function unowned(site: Pick<SimulatedSite, 'alive' | 'instances'>): string[] {
  const owned = new Set(site.instances().map(({ cloudId }) => cloudId));
  const there = new Set(site.alive().map(({ cloudId }) => cloudId));
  return [
    ...[...there].filter((id) => !owned.has(id)).map((id) => `nobody owns ${id}`),
    ...site
      .instances()
      .filter(({ cloudId }) => cloudId === null || !there.has(cloudId))
      .map(({ id, phase }) => `${id} is ${phase} and is not in its cloud`),
  ];
}
