import type { JournalEntry } from '../../../src/model/journal.ts';
import type { Machine } from '../../../src/simulate/simulatedCloud.ts';
import type { SimulatedSite, SiteWatch } from '../../../src/simulate/simulatedSite.ts';
import type { Story } from './story.ts';

/** Everything that happens in a story, a line each, in the order in which it does. */
export interface Timeline {
  readonly lines: readonly string[];
  tell(text: string): void;
  log(fields: object, message: string): void;
  /** The same watch, and what it hears told. */
  beside(watch: SiteWatch): SiteWatch;
  attach(site: SimulatedSite, story: Story): void;
}

export const clockTime = (ms: number): string => {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${Math.floor(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${((ms % 60_000) / 1000).toFixed(1).padStart(4, '0')}`;
};

export function createTimeline(): Timeline {
  const lines: string[] = [];
  let site: SimulatedSite | null = null;
  const tell = (text: string) => {
    lines.push(`${clockTime(site?.clock.monotonicNow() ?? 0)}  ${text}`);
  };
  const describe = ({ cloudId, instance, pool, offer }: Machine) =>
    `${cloudId} = ${instance} (${pool}, ${offer})`;
  return {
    lines,
    tell,
    log: (fields, message) => {
      if (message !== 'journal') return tell(`    log: ${message} ${JSON.stringify(fields)}`);
      const { kind, why, instance, intent } = fields as JournalEntry;
      tell(`    journal ${kind} ${instance ?? intent ?? ''}: ${why}`);
    },
    beside: (watch) => ({
      ...watch,
      created: (machine) => {
        tell(`cloud: made ${describe(machine)}`);
        watch.created?.(machine);
      },
      joined: (machine) => {
        tell(`queue: ${machine.instance} has joined`);
        watch.joined?.(machine);
      },
      stopped: (machine) => {
        tell(`cloud: ${describe(machine)} stops${machine.vanished ? ', taken back' : ''}`);
        watch.stopped?.(machine);
      },
      begun: (job, on) => {
        tell(`queue: ${job.id} begins on ${on.map(({ id }) => id).join(', ')}`);
        watch.begun?.(job, on);
      },
      killed: (job) => {
        tell(`queue: ${job.id} is killed`);
        watch.killed?.(job);
      },
    }),
    attach: (made, { windows, submissions, classes, site: parts }) => {
      site = made;
      const { pools, offers, clouds } = parts;
      for (const { name, min, max, headroom, offers: of, limits } of pools)
        lines.push(
          `pool ${name}: min ${min}, max ${max}, head-room ${headroom}, idle ${limits.idleMs} ms, lifetime ${limits.lifetimeMs}: ${of.join(' ')}`,
        );
      for (const { name, max } of offers) if (max !== null) lines.push(`offer ${name}: max ${max}`);
      for (const cloud of clouds) lines.push(`cloud ${JSON.stringify(cloud)}`);
      lines.push(`polls every ${parts.pollMs} ms`);
      for (const { kind, target, fromMs, toMs } of windows) {
        made.clock.at(fromMs, () => tell(`fault: ${kind} ${target} begins`));
        made.clock.at(toMs, () => tell(`fault: ${kind} ${target} ends`));
      }
      for (const { atMs, of, count, runMs } of submissions)
        made.clock.at(atMs, () =>
          tell(
            `queue: ${count} × ${classes[of]?.queue}/${classes[of]?.jobClass.name} for ${clockTime(runMs)}`,
          ),
        );
    },
  };
}
