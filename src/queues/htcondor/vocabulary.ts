import type { ClassAd } from '../../classad/ad.ts';
import { accountWords, slotAccountWords } from './accounting.ts';
import { referencesOf } from './references.ts';
import { vmWords } from './vm-settings.ts';

/**
 * Which attributes are asked for. Whole ads are 2 to 9 kB each and a queue may hold 100,000; what is needed is what
 * the two sides say of each other. That is only known when their expressions have been read, so the words are learned:
 * where a poll meets a new one it asks again, and later polls know it. They are kept for good, up to a limit.
 */
export class Vocabulary {
  private readonly words = new Map<string, string>();
  private readonly wordsMax: number;

  constructor(words: readonly string[], wordsMax: number) {
    this.wordsMax = wordsMax;
    this.learn(words);
  }

  /** True if one of them is new. Names are compared without regard to case. */
  learn(words: Iterable<string>): boolean {
    let news = false;
    for (const word of words) {
      const key = word.toLowerCase();
      if (this.words.has(key) || this.words.size >= this.wordsMax || !attributeName.test(word)) continue;
      this.words.set(key, word);
      news = true;
    }
    return news;
  }

  has(word: string): boolean {
    return this.words.has(word.toLowerCase());
  }

  /** For `-attributes`. */
  projection(): string {
    return [...this.words.values()].join(',');
  }
}

const attributeName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Beyond what jobs and machines ever say of each other; an argument list stays far below the system's limit. */
export const wordsMax = 600;

/** The attributes of a job that have to be known whatever it says: its wishes in the words of docs/queues/htcondor.md. */
export const jobWishes = [
  'Requirements',
  'Rank',
  'RequestCpus',
  'RequestMemory',
  'RequestDisk',
  'RequestGPUs',
  'JobUniverse',
  'MinHosts',
  'MaxHosts',
  ...vmWords,
  'WantWholeMachine',
  'RequiresWholeMachine',
  'WantWholeNode',
] as const;

/** What tells one job from the next of its kind; and what condor_submit writes into nearly all Requirements. */
export const jobBasics = ['ClusterId', 'ProcId', 'QDate', 'FileSystemDomain', ...accountWords] as const;

export const slotWords = [
  'Name',
  'Machine',
  'MyAddress',
  'MyType',
  'AuthenticatedIdentity',
  'SpillwayInstance',
  'GlobalJobId',
  ...slotAccountWords,
  'State',
  'Activity',
  'Draining',
  'SlotType',
  'SlotID',
  'ParentSlotId',
  'PartitionableSlot',
  'DynamicSlot',
  'NumDynamicSlots',
  'Cpus',
  'Memory',
  'Disk',
  'GPUs',
  'TotalSlotCpus',
  'TotalSlotMemory',
  'TotalSlotDisk',
  'TotalSlotGPUs',
  'Requirements',
  'Start',
  'Rank',
  'WithinResourceLimits',
  'Arch',
  'OpSys',
  'OpSysAndVer',
  'OpSysMajorVer',
  'OpSysName',
  'HasFileTransfer',
  'CondorVersion',
  'FileSystemDomain',
  'UidDomain',
] as const;

const matched = ['Requirements', 'Rank', 'RequestCpus', 'RequestMemory', 'RequestDisk', 'RequestGPUs'];

/**
 * What these ads say of themselves and of the other side, in the expressions that take part in a match. A bare name
 * that an ad lacks may be either: the attribute was not asked for, or it is the other side's.
 */
export function wordsOf(ads: Iterable<ClassAd>): { readonly own: Set<string>; readonly other: Set<string> } {
  const own = new Set<string>();
  const other = new Set<string>();
  for (const ad of ads) {
    for (const name of matched) {
      const references = referencesOf(ad, name);
      for (const word of references.own.values()) own.add(word);
      for (const word of references.target.values()) other.add(word);
      for (const word of references.unresolved.values()) {
        own.add(word);
        other.add(word);
      }
    }
  }
  return { own, other };
}
