import type { Instance } from '@aws-sdk/client-ec2';
import { tagOf } from '../condorFarm.ts';
import { type RunningSite, until } from '../runningSite.ts';
import { type CloudWatch, isGone, type PoolBounds } from './watch.ts';

export interface Verdict {
  /** All that the cloud has ever made. */
  readonly machines: Readonly<Record<string, number>>;
  readonly jobs: number;
  /** Seats for which the cloud has made more than one machine. */
  readonly doubles: readonly string[];
  /** Cloud ids of machines that live and that the daemon does not know. */
  readonly unowned: readonly string[];
  /** Instances in the daemon's books of which the cloud has no living machine. */
  readonly lost: readonly string[];
  /** How often jobs were started more than once. */
  readonly evictions: number;
  readonly boundsViolations: readonly string[];
  readonly looks: number;
}

export interface Evidence {
  readonly site: RunningSite;
  readonly watch: CloudWatch;
  readonly starts: () => Promise<readonly number[]>;
  readonly bounds: Readonly<Record<string, PoolBounds>>;
  readonly say: (line: string) => void;
}

/** The reap period, and the time that a few lists and terminations take. */
const settleMs = 90_000;

/** Waits until the fleet is at its minimum; what is then still out of order is what it was judged to be. */
export async function judge({ site, watch, starts, bounds, say }: Evidence): Promise<Verdict> {
  const least = Object.values(bounds).reduce((sum, { min }) => sum + min, 0);
  const living = async () => (await watch.all()).filter((machine) => !isGone(machine));
  await until(
    'the fleet is at its minimum',
    async () => (await living()).length === least && (await site.instances()).length === least,
    { withinMs: settleMs },
  ).catch((error: unknown) => say(String(error)));
  const known = await site.instances();
  const knownIds = new Set(known.map(({ cloudId }) => cloudId));
  const machines = await watch.all();
  const livingIds = new Set(
    machines.filter((machine) => !isGone(machine)).map(({ InstanceId }) => InstanceId),
  );
  const counts = await starts();
  return {
    machines: Object.fromEntries(
      Object.keys(bounds).map((pool) => [
        pool,
        machines.filter((m) => tagOf(m, 'spillway:pool') === pool).length,
      ]),
    ),
    jobs: counts.length,
    doubles: doubleSeats(machines),
    unowned: [...livingIds].filter((id): id is string => id !== undefined && !knownIds.has(id as never)),
    lost: known.filter(({ cloudId }) => cloudId === null || !livingIds.has(cloudId)).map(({ id }) => id),
    evictions: counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    boundsViolations: watch.violations,
    looks: watch.looks(),
  };
}

/** The machine's name is its instance's id: a call for one has one seat. */
function doubleSeats(machines: readonly Instance[]): readonly string[] {
  const seats = new Map<string, number>();
  for (const machine of machines) {
    const seat = tagOf(machine, 'Name') ?? '';
    seats.set(seat, (seats.get(seat) ?? 0) + 1);
  }
  return [...seats].filter(([, count]) => count > 1).map(([seat]) => seat);
}
