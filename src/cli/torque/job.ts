import { shellQuoted } from '../lease/command-line.ts';
import type { TorqueSettings } from './settings.ts';

/**
 * A job as pbs_mom names it to its hooks: the first words of their arguments. A prologue has 8 (…, 5 resources, 6 queue,
 * 7 account, 8 script), an epilogue 11 (…, 5 session, 6 resources asked for, 7 used, 8 queue, 9 account, 10 exit code,
 * 11 script). Torque 6.1.
 */
export interface HookJob {
  readonly id: string;
  readonly user: string;
  readonly name: string;
}

export interface PrologueJob extends HookJob {
  readonly group: string;
  /** `nodes=1:ppn=2,mem=128mb,…` */
  readonly resources: string;
  readonly queue: string;
  /** The copy of the job's script that mom keeps while it has the job; null: it was not said. */
  readonly script: string | null;
}

/** No step to another folder, as it names one. */
const idPattern = /^[0-9][A-Za-z0-9._[\]-]{0,200}$/;

/** Null: these are not the arguments of a hook. */
export function hookJobOf(args: readonly string[]): HookJob | null {
  const [id = '', user = '', , name = ''] = args;
  return idPattern.test(id) && user !== '' ? { id, user, name } : null;
}

export function prologueJobOf(args: readonly string[]): PrologueJob | null {
  const job = hookJobOf(args);
  const [, , group = '', , resources = '', queue = '', , script = ''] = args;
  return job === null ? null : { ...job, group, resources, queue, script: script === '' ? null : script };
}

/** By this a job's leases are found again, whatever became of what was written down. */
export function noteOf(job: Pick<HookJob, 'id'>, host: string): string {
  return `torque job ${job.id} on ${host}`;
}

/** What is asked of the machine. `never`: no machine can be had for such a job, in a sentence. */
export type Wish =
  | {
      readonly kind: 'wish';
      readonly pool: string;
      readonly requirements: string;
      readonly cpus: number;
      readonly memoryMiB: number;
    }
  | { readonly kind: 'never'; readonly why: string };

export function wishOf(
  { resources, queue }: Pick<PrologueJob, 'resources' | 'queue'>,
  settings: Pick<TorqueSettings, 'pool' | 'poolOfQueue' | 'requirementsOfFeature'>,
): Wish {
  const asked = resourcesOf(resources);
  const nodes = asked.get('nodes') ?? '1';
  if (nodes.includes('+'))
    return { kind: 'never', why: `nodes=${nodes}: a job here runs on one borrowed machine` };
  const [count = '1', ...words] = nodes.split(':');
  // `nodes=wn1:ppn=2` names the host instead.
  if (/^\d+$/.test(count) && Number(count) !== 1)
    return { kind: 'never', why: `nodes=${nodes}: a job here runs on one borrowed machine` };
  const ppn = words.map((word) => /^ppn=(\d+)$/.exec(word)?.[1]).find((value) => value !== undefined);
  const procs = /^\d+$/.exec(asked.get('procs') ?? '')?.[0];
  const terms = words.flatMap((word) => settings.requirementsOfFeature.get(word) ?? []);
  return {
    kind: 'wish',
    pool: settings.poolOfQueue.get(queue) ?? settings.pool,
    requirements: terms.length === 0 ? 'true' : terms.map((term) => `(${term})`).join(' && '),
    cpus: Math.max(1, Number(ppn ?? procs ?? 1)),
    memoryMiB: sizeMiB(asked.get('mem') ?? ''),
  };
}

/** The first of each name counts: `neednodes`, which repeats `nodes`, is another. */
function resourcesOf(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const name = part.slice(0, Math.max(0, at));
    if (at > 0 && !found.has(name)) found.set(name, part.slice(at + 1));
  }
  return found;
}

const unitBytes: Readonly<Record<string, number>> = { b: 1, w: 8 };
const factors: Readonly<Record<string, number>> = {
  '': 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/** Torque's sizes: `128mb`, `2gb`, `1000kw`; rounded up. 0: none, or not understood, which asks for nothing. */
function sizeMiB(text: string): number {
  const [, amount = '', factor = '', unit = 'b'] = /^(\d{1,15})([kmgt]?)([bw])?$/i.exec(text) ?? [];
  if (amount === '') return 0;
  const bytes = Number(amount) * (factors[factor.toLowerCase()] ?? 1) * (unitBytes[unit.toLowerCase()] ?? 1);
  return Math.min(2 ** 40, Math.ceil(bytes / 1024 ** 2));
}

/** For messages: a job's words may hold anything. */
export function shown(job: HookJob): string {
  return `${job.id} of ${shellQuoted(job.user)}`;
}
