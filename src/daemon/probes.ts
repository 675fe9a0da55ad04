import type { Clock } from '../model/clock.ts';
import type { QueueSnapshot } from '../model/demand.ts';
import type { InstanceId } from '../model/ids.ts';
import type { Log } from '../model/log.ts';
import type { Pool } from '../model/offer.ts';
import type { Probe, ProbeCheck } from '../model/probe.ts';
import type { QueueMachine } from '../queues/port.ts';
import { withDeadline } from './deadline.ts';

/** Asks one machine once. Any error is no answer. */
export type AskMachine = (
  check: ProbeCheck,
  machine: { readonly instance: InstanceId; readonly address: string },
  signal: AbortSignal,
) => Promise<boolean>;

/** Machines that are asked at the same time. */
const asksMax = 32;

export interface Probes {
  /** True where its pool has no probe. */
  readonly isReachable: (instance: InstanceId, pool: string) => boolean;
  /**
   * A view without the workers of machines that do not answer: what nobody can reach is not there, whatever its
   * scheduler says. A worker that has a job is proof of life.
   */
  withoutUnreachable(view: QueueSnapshot, machines: readonly QueueMachine[]): QueueSnapshot;
  run(signal: AbortSignal): Promise<void>;
}

export interface ProbesParts {
  readonly pools: readonly Pool[];
  readonly ask: AskMachine;
  /** Those that run, of all pools. */
  readonly machines: () => readonly QueueMachine[];
  /** Some machine is reachable now that was not, or the other way round. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

interface Answers {
  readonly reachable: boolean;
  readonly failures: number;
}

export function createProbes({ pools, ask, machines, onChange, clock, log }: ProbesParts): Probes {
  const probes = new Map(
    pools.flatMap(({ name, probe }) => (probe === null ? [] : [[name as string, probe]])),
  );
  const known = new Map<InstanceId, Answers>();

  const isReachable = (instance: InstanceId, pool: string) =>
    !probes.has(pool) || (known.get(instance)?.reachable ?? false);

  async function askOne(machine: QueueMachine, probe: Probe, signal: AbortSignal): Promise<boolean> {
    const { instance, address } = machine;
    if (address === null) return false;
    const once = (inTime: AbortSignal) => ask(probe.check, { instance, address }, inTime);
    try {
      return await withDeadline(once, { clock, ms: probe.deadlineMs, signal });
    } catch (error) {
      if (!signal.aborted) log.debug({ instance, error: String(error) }, 'probe: no answer');
      return false;
    }
  }

  /** Returns whether the machine's standing has changed. */
  function note({ instance, pool }: QueueMachine, { failuresMax }: Probe, answered: boolean): boolean {
    const before = known.get(instance) ?? { reachable: false, failures: 0 };
    const failures = answered ? 0 : before.failures + 1;
    const reachable = answered || (before.reachable && failures < failuresMax);
    known.set(instance, { reachable, failures });
    if (reachable === before.reachable) return false;
    log.info({ instance, pool, reachable, failures }, 'probe: a machine has changed');
    return true;
  }

  async function round(pool: string, probe: Probe, signal: AbortSignal): Promise<void> {
    const all = machines();
    const there = new Set(all.map(({ instance }) => instance));
    for (const instance of known.keys()) if (!there.has(instance)) known.delete(instance);
    const own = all.filter((machine) => machine.pool === pool);
    for (let at = 0; at < own.length && !signal.aborted; at += asksMax) {
      const changes = await Promise.all(
        own
          .slice(at, at + asksMax)
          .map(async (machine) => note(machine, probe, await askOne(machine, probe, signal))),
      );
      if (changes.includes(true)) onChange();
    }
  }

  /** A machine that has not answered yet is about to: it is asked more often. */
  function untilNext(pool: string, { everyMs }: Probe): number {
    const waits = machines().some((machine) => machine.pool === pool && !isReachable(machine.instance, pool));
    return waits ? Math.min(everyMs, soonMs) : everyMs;
  }

  return {
    isReachable,
    withoutUnreachable: (view, among) => {
      if (probes.size === 0) return view;
      const pools = new Map(among.map(({ instance, pool }) => [instance, pool]));
      const workers = view.workers.filter(({ instance, runningJobs }) => {
        const pool = instance === null ? undefined : pools.get(instance);
        return instance === null || pool === undefined || runningJobs > 0 || isReachable(instance, pool);
      });
      return workers.length === view.workers.length ? view : { ...view, workers };
    },
    run: async (signal) => {
      await Promise.all(
        [...probes].map(async ([pool, probe]) => {
          while (!signal.aborted) {
            await round(pool, probe, signal);
            await clock.sleep(untilNext(pool, probe), signal).catch(() => {});
          }
        }),
      );
    },
  };
}

const soonMs = 2000;
