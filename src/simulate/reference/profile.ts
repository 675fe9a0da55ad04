import type { FarmJob } from './farm.ts';
import { createMomentHeap } from './momentHeap.ts';
import { createRoom, type Placement } from './room.ts';

/**
 * N(t): the machines in use if every job started at its submission. From `seconds[i]` on there are `machines[i]`, until the
 * next moment; 0 before the first. With machines of one core these are the cores that are busy.
 */
export interface DemandProfile {
  readonly seconds: readonly number[];
  readonly machines: readonly number[];
}

/** At equal moments jobs end first, in the order of submission, and then jobs are submitted. */
export function demandProfile(jobs: readonly FarmJob[], machineCpus: number): DemandProfile {
  const room = createRoom(machineCpus);
  const endings = createMomentHeap<Placement>();
  const seconds: number[] = [];
  const machines: number[] = [];
  let submitted = 0;
  while (submitted < jobs.length || endings.size > 0) {
    const moment = Math.min(jobs[submitted]?.submitSeconds ?? Number.POSITIVE_INFINITY, endings.next);
    while (endings.next <= moment) room.giveBack(endings.pop());
    for (let job = jobs[submitted]; job !== undefined && job.submitSeconds <= moment; job = jobs[submitted]) {
      submitted += 1;
      endings.push(moment + job.runSeconds, room.takeAnyway(job.processors));
    }
    if (room.inUse === (machines.at(-1) ?? 0)) continue;
    seconds.push(moment);
    machines.push(room.inUse);
  }
  return { seconds, machines };
}

/** A time during which N(t) was below `levels` neighbouring levels, between two times at which it reached them. */
export interface Gap {
  readonly levels: number;
  readonly seconds: number;
}

/** The gaps of all levels; levels that began and ended a gap together are one entry. */
export function* gapsOf(profile: DemandProfile): Generator<Gap> {
  /** Levels that were reached before and are not now, the highest at the bottom. */
  const idle: { levels: number; readonly sinceSeconds: number }[] = [];
  let now = 0;
  for (const [index, machines] of profile.machines.entries()) {
    const moment = profile.seconds[index] ?? 0;
    if (machines < now) idle.push({ levels: now - machines, sinceSeconds: moment });
    for (let rise = machines - now; rise > 0; ) {
      const lowest = idle.at(-1);
      if (lowest === undefined) break;
      const levels = Math.min(rise, lowest.levels);
      yield { levels, seconds: moment - lowest.sinceSeconds };
      rise -= levels;
      lowest.levels -= levels;
      if (lowest.levels === 0) idle.pop();
    }
    now = machines;
  }
}

export const peakOf = (profile: DemandProfile): number =>
  profile.machines.reduce((peak, machines) => Math.max(peak, machines), 0);

/** Seconds during which machines are in use, summed over the machines. */
export function machineSecondsOf({ seconds, machines }: DemandProfile): number {
  let sum = 0;
  for (const [index, count] of machines.entries())
    sum += count * ((seconds[index + 1] ?? seconds[index] ?? 0) - (seconds[index] ?? 0));
  return sum;
}

/** The greatest N in a window that only moves forward: each call's bounds are no earlier than the last one's. */
export function windowPeaks({ seconds, machines }: DemandProfile): (from: number, to: number) => number {
  /** Entries that may still be the greatest: in the order of time, each smaller than the one before. */
  const falling: number[] = [];
  let first = 0;
  let entered = 0;
  const valueAt = (index: number | undefined): number => (index === undefined ? 0 : (machines[index] ?? 0));
  return (from, to) => {
    for (; (seconds[entered] ?? Number.POSITIVE_INFINITY) <= to; entered++) {
      while (falling.length > first && valueAt(falling.at(-1)) <= valueAt(entered)) falling.pop();
      falling.push(entered);
    }
    // An entry counts until the next one of the profile begins.
    for (;;) {
      const index = falling[first];
      if (index === undefined || (seconds[index + 1] ?? Number.POSITIVE_INFINITY) > from) break;
      first += 1;
    }
    if (first > 4096) {
      falling.splice(0, first);
      first = 0;
    }
    return valueAt(falling[first]);
  };
}
