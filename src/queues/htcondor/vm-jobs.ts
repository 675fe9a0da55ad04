import { evaluateAttribute } from '../../classad/evaluate.ts';
import { numberOf } from '../../classad/value.ts';
import type { Demand } from '../../model/demand.ts';
import type { JobId } from '../../model/ids.ts';
import type { JobView } from '../port.ts';
import { proxyRemark } from './proxies.ts';
import { referencesOf } from './references.ts';
import { where } from './schedd.ts';
import type { Tools } from './tools.ts';
import { remarksOnNames } from './vm-names.ts';
import { type VmSettings, vmWords } from './vm-settings.ts';
import { readVmWords, type VmWishes } from './vm-words.ts';

/** Reads Cloud Scheduler's words of groups and of single jobs. */
export interface VmReader {
  /**
   * Each group with what its words come to. Of groups that were not seen before, one job's whole ad is read for words
   * that nobody knows: so many a poll, by one call for each schedd. A look that fails is made again at the next poll.
   */
  groups(demand: readonly Demand[], signal: AbortSignal): Promise<readonly Demand[]>;
  /** The job with its whole ad. */
  job(view: JobView, nowSeconds: number): JobView;
}

/** JobPrio beyond this is no more urgent. */
const urgentPriority = 20;
/** Whole ads that are read in one poll. */
const looksMax = 20;

const vmUniverse = 13;

export function createVmReader(
  tools: Pick<Tools, 'ads'>,
  { settings, schedds }: { settings: VmSettings; schedds: readonly (string | null)[] },
): VmReader {
  /** By what groups want: those of the newest view. */
  let known = new Map<string, { readonly wishes: VmWishes; remarks: readonly string[] | null }>();

  const groups: VmReader['groups'] = async (demand, signal) => {
    const next: typeof known = new Map();
    const unseen = new Map<string, JobId>();
    for (const group of demand) {
      const name = group.wishes ?? group.id;
      if (next.has(name)) continue;
      const before = known.get(name);
      const usesWords = before === undefined && saysWords(group);
      const read = before ?? {
        wishes: readVmWords(group.ad, settings),
        remarks: usesWords ? null : [],
      };
      next.set(name, read);
      const [sample] = group.sampleJobs;
      if (read.remarks === null && sample !== undefined && unseen.size < looksMax) unseen.set(name, sample);
    }
    known = next;
    for (const [name, names] of await namesIn(unseen, signal)) {
      const read = next.get(name);
      if (read !== undefined) read.remarks = remarksOnNames(names, settings.ignore);
    }
    return demand.map((group) => {
      const read = next.get(group.wishes ?? group.id);
      return read === undefined ? group : withWishes(group, read.wishes, read.remarks ?? []);
    });
  };

  /** The attributes of sample jobs, by group. */
  async function namesIn(
    samples: ReadonlyMap<string, JobId>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>();
    const bySchedd = Map.groupBy(samples, ([, job]) => job.slice(0, Math.max(0, job.lastIndexOf('#'))));
    for (const [schedd, asked] of bySchedd) {
      const name = schedds.find((one) => one === null || one === schedd);
      if (name === undefined) continue;
      const groupOf = new Map(asked.map(([group, job]) => [job.slice(job.lastIndexOf('#') + 1), group]));
      try {
        const take = (lines: readonly string[]) => {
          const group = groupOf.get(`${valueIn(lines, 'ClusterId')}.${valueIn(lines, 'ProcId')}`);
          if (group === undefined) return;
          const isVm = valueIn(lines, 'JobUniverse') === `${vmUniverse}`;
          const names = lines.map((line) => line.slice(0, Math.max(0, line.indexOf(' = '))));
          found.set(group, isVm ? [] : names);
        };
        await tools.ads('condor_q', [...where(name), ...groupOf.keys()], take, signal);
      } catch {
        // What jobs want is known without it: the poll stands.
      }
    }
    return found;
  }

  return {
    groups,
    job: (view, nowSeconds) => {
      const { bootAd, remarks } = readVmWords(view.ad, settings);
      const isVm = numberOf(evaluateAttribute(view.ad, 'JobUniverse')) === vmUniverse;
      const names = isVm ? [] : remarksOnNames(view.ad.names(), settings.ignore);
      const all = [...remarks, ...names, ...proxyRemark(view.ad, nowSeconds)];
      return {
        ...view,
        ...(bootAd === null ? {} : { bootAd }),
        ...(all.length === 0 ? {} : { remarks: all }),
      };
    },
  };
}

function withWishes(group: Demand, wishes: VmWishes, more: readonly string[]): Demand {
  const { bootAd, keepAliveMs, pricePerHourMax, isUrgent } = wishes;
  const remarks = [...wishes.remarks, ...more];
  return {
    ...group,
    priority: isUrgent ? Math.max(group.priority, urgentPriority) : group.priority,
    ...(bootAd === null ? {} : { bootAd }),
    ...(keepAliveMs === 0 ? {} : { keepAliveMs }),
    ...(pricePerHourMax === null ? {} : { pricePerHourMax }),
    ...(remarks.length === 0 ? {} : { remarks }),
  };
}

/** Whether its jobs speak Cloud Scheduler's language at all. */
function saysWords({ ad }: Demand): boolean {
  if (vmWords.some((word) => ad.has(word))) return true;
  return [...referencesOf(ad, 'Requirements').target.keys()].some((name) => name.startsWith('vm'));
}

function valueIn(lines: readonly string[], name: string): string | null {
  const start = `${name} = `;
  return lines.find((line) => line.startsWith(start))?.slice(start.length) ?? null;
}
