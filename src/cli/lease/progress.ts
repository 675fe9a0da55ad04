import type { StatusView } from '../../api/control.ts';
import type { LeaseAnswer } from '../../api/schema/leases.ts';
import { formatDuration } from '../../config/units.ts';
import type { Sink } from '../deps.ts';

/** Says how the waiting goes: on a terminal one line that is written over, else a line for each change. */
export interface Progress {
  show(lease: LeaseAnswer, pool: StatusView['pools'][number] | null, waitedMs: number): void;
  /** Leaves the terminal as it was. */
  done(): void;
}

export function createProgress(sink: Sink, quiet: boolean): Progress {
  let last = '';
  const clear = '\r\x1b[K';
  return {
    show: (view, pool, waitedMs) => {
      if (quiet) return;
      const text = describe(view, pool);
      if (sink.isTTY) sink.write(`${clear}spillway: ${text} (${formatDuration(waitedMs, 1)})`);
      else if (text !== last) sink.write(`spillway: ${text}\n`);
      last = text;
    },
    done: () => {
      if (!quiet && sink.isTTY && last !== '') sink.write(clear);
    },
  };
}

/** Why a lease has no machine yet, in one line. */
export function describe({ lease, ahead }: LeaseAnswer, pool: StatusView['pools'][number] | null): string {
  if (lease.state === 'preparing') return `lease ${lease.id}: ${lease.instance} is made ready`;
  const first = ahead === null || ahead === 0 ? 'next in line' : `${ahead} before it`;
  const parts = [`lease ${lease.id} waits for a machine of ${lease.pool}, ${first}`];
  if (pool !== null) {
    const { Free, Busy } = pool.states;
    const { requested, unknown, building, joining } = pool.phases;
    const coming = requested + unknown + building + joining;
    parts.push(`${Free} Free, ${Busy} Busy, ${coming} on the way, at most ${pool.max}`);
    const [unmet] = pool.unmet;
    if (unmet !== undefined && coming === 0) parts.push(unmet.why);
  }
  return parts.join('; ');
}
