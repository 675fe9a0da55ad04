import type { ClassAd } from '../../classad/ad.ts';
import { dateTimeOf } from '../../classad/calendar.ts';
import { evaluateAttribute } from '../../classad/evaluate.ts';
import { numberOf } from '../../classad/value.ts';
import type { Clock } from '../../model/clock.ts';
import type { EndingCredentials } from '../../model/demand.ts';
import { where } from './schedd.ts';
import type { Tools } from './tools.ts';

/**
 * What a job's X.509 proxy is good for, as the schedd has read it from the file. The file itself is never opened here: HTCondor
 * hands it to the machine that runs the job, and to no other.
 */
export function proxyRemark(job: ClassAd, nowSeconds: number): readonly string[] {
  if (!job.has('x509UserProxyExpiration')) return [];
  const ends = numberOf(evaluateAttribute(job, 'x509UserProxyExpiration'));
  if (ends === null || !(ends > 0) || ends > 1e11) return [];
  const at = isoSeconds(ends);
  return [ends <= nowSeconds ? `its proxy ended at ${at}` : `its proxy ends at ${at}`];
}

/** `2026-11-22T14:30:00Z`. */
function isoSeconds(epochSeconds: number): string {
  const { year, month, day, hour, minute, second } = dateTimeOf(Math.floor(epochSeconds));
  const two = (part: number) => String(part).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}Z`;
}

export interface ProxyWatch {
  /** The newest answer; asks again where that is old. Undefined: not asked yet, or no schedd has answered. */
  look(signal: AbortSignal): Promise<EndingCredentials | undefined>;
}

export interface ProxyWatchOptions {
  readonly tools: Pick<Tools, 'ads'>;
  readonly schedds: readonly (string | null)[];
  readonly clock: Clock;
  /** A proxy that ends within that is told of; 0: none is, and nothing is asked. */
  readonly warningMs: number;
}

const periodMs = 300_000;
/** A daemon that was just started has more to do. */
const firstMs = 60_000;
const usersMax = 5;

/**
 * Asks the schedds for waiting and running jobs whose proxy ends soon: the constraint is theirs, so that the answer
 * is short where all is well. One call for each schedd in five minutes. A failure leaves what was known.
 */
export function watchProxies({ tools, schedds, clock, warningMs }: ProxyWatchOptions): ProxyWatch {
  let dueMs = clock.monotonicNow() + firstMs;
  let newest: EndingCredentials | undefined;

  async function ask(signal: AbortSignal): Promise<EndingCredentials> {
    const nowSeconds = Math.floor(clock.wallNow() / 1000);
    const users = new Set<string>();
    let ended = 0;
    let ending = 0;
    let nextSeconds: number | null = null;
    const take = (lines: readonly string[]) => {
      const ends = Number(valueIn(lines, 'x509UserProxyExpiration') ?? Number.NaN);
      if (!Number.isFinite(ends)) return;
      if (ends <= nowSeconds) ended++;
      else ending++;
      if (ends > nowSeconds) nextSeconds = Math.min(nextSeconds ?? ends, ends);
      const owner = valueIn(lines, 'Owner');
      if (owner !== null && users.size < usersMax) users.add(owner.replaceAll('"', ''));
    };
    const latest = nowSeconds + Math.floor(warningMs / 1000);
    const soon = `(JobStatus == 1 || JobStatus == 2) && x509UserProxyExpiration < ${latest}`;
    for (const name of schedds) {
      const args = [...where(name), '-constraint', soon, '-attributes', 'x509UserProxyExpiration,Owner'];
      await tools.ads('condor_q', args, take, signal);
    }
    return { ended, ending, nextSeconds, users: [...users] };
  }

  return {
    look: async (signal) => {
      if (warningMs === 0 || clock.monotonicNow() < dueMs) return newest;
      dueMs = clock.monotonicNow() + periodMs;
      try {
        newest = await ask(signal);
      } catch {
        // Demand does not depend on it: the poll stands, and the next look is in five minutes.
      }
      return newest;
    },
  };
}

function valueIn(lines: readonly string[], name: string): string | null {
  const start = `${name} = `;
  return lines.find((line) => line.startsWith(start))?.slice(start.length) ?? null;
}
