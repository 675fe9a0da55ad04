import { type Control, ControlError } from '../api/control.ts';
import type { ProblemView, ReloadOutcome, ReloadReceipt } from '../api/reload.ts';
import { type DescribedEntry, describeConfig } from '../config/describe.ts';
import { type ConfigChange, describeChange, describeChanges, diffConfigs } from '../config/diff.ts';
import type { SiteConfig } from '../config/site.ts';
import { CloudName, PoolName } from '../model/ids.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { Log } from '../model/log.ts';
import type { Daemon } from './daemon.ts';
import { createRelay } from './relay.ts';
import { turning } from './turning.ts';

/**
 * A reload is a restart inside the process: a restart with the same config does nothing to the fleet, so one with
 * another does what the difference asks for and no more. The new config is read and checked whole first. Then the
 * daemon stops as on SIGTERM and another one begins on the same store, while the API stays up.
 */

/** A configuration that could be run. */
export interface Candidate {
  /** As its file says: without what retires. */
  readonly config: SiteConfig;
  /**
   * A daemon on the site's store, with what retires; no other runs on it. `notes` are the journal's words on why it begins;
   * null: as a daemon that has just been started. It calls `retired` when nothing of what retires is left.
   */
  begin(notes: readonly BeginNote[] | null, retired: () => void): Promise<Daemon>;
}

export type BeginNote = Omit<JournalEntry, 'atMs'>;

export interface Prepared {
  /** Null where the config cannot be used. */
  readonly candidate: Candidate | null;
  /** Errors where it cannot, else warnings. */
  readonly problems: readonly ProblemView[];
}

export interface ReloadableInput {
  /** The config file. */
  readonly path: string;
  readonly first: Candidate;
  /** Reads the config again; throws for no fault of it. */
  prepare(): Promise<Prepared>;
  /** Reads what holds again, with what clouds offer by now; absent: no offers are generated. */
  refresh?(): Promise<Prepared>;
  /** Another config holds; returns what of it will hold only after a restart, a clause each. */
  readonly onApplied?: (config: SiteConfig) => readonly string[];
  readonly log: Log;
}

export interface Reloadable {
  readonly control: Control;
  /** Makes generated offers anew. What is not otherwise is left as it is. */
  refresh(): Promise<ReloadReceipt>;
  /** As `Daemon.run`, over all configurations. */
  run(signal: AbortSignal): Promise<void>;
}

interface Turn {
  readonly candidate: Candidate;
  readonly notes: readonly BeginNote[];
  /** Whether it is that candidate which runs now. */
  readonly done: PromiseWithResolvers<boolean>;
}

export async function createReloadable(input: ReloadableInput): Promise<Reloadable> {
  const { path, log } = input;
  let candidate = input.first;
  let daemon = await candidate.begin(null, retired);
  let turn = new AbortController();
  let next: Turn | null = null;
  let isOver = false;
  /** Reloads, one after the other. */
  let last: Promise<unknown> = Promise.resolve();

  const relay = createRelay({
    current: () => daemon.control,
    isTurning: () => next !== null,
    turn: () => turn.signal,
  });

  /** Resolves when the candidate's daemon has begun, or the one before has begun again. */
  async function turnTo(to: Candidate, notes: readonly BeginNote[]): Promise<boolean> {
    if (isOver) throw new ControlError('notReady', 'the daemon stops');
    const done = Promise.withResolvers<boolean>();
    next = { candidate: to, notes, done };
    turn.abort(turning);
    return done.promise;
  }

  async function run(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await daemon.run(AbortSignal.any([signal, turn.signal]));
        if (next === null || signal.aborted) return;
        const { candidate: to, notes, done } = next;
        turn = new AbortController();
        const took = await begin(to, notes);
        next = null;
        relay.turned();
        done.resolve(took);
      }
    } finally {
      isOver = true;
      next?.done.reject(new ControlError('notReady', 'the daemon stops'));
    }
  }

  async function begin(to: Candidate, notes: readonly BeginNote[]): Promise<boolean> {
    try {
      daemon = await to.begin(notes, retired);
      candidate = to;
      return true;
    } catch (error) {
      log.error({ err: error }, 'the new configuration could not be begun: the one before holds');
      const why = `the new configuration could not be begun: ${textOf(error)}; the one before holds`;
      daemon = await candidate.begin([{ kind: 'reload', why, data: { outcome: 'failed' } }], retired);
      return false;
    }
  }

  /** What has left the config is gone: the daemon goes on without it. */
  function retired(): void {
    last = last
      .then(async () => {
        const why = 'the last machine of what has left the config is gone: it is forgotten';
        log.info({}, why);
        await turnTo(candidate, [{ kind: 'reload', why, data: { outcome: 'retired' } }]);
      })
      .catch(() => {}); // it stops: the next start does without it
  }

  async function reload(prepare: () => Promise<Prepared>): Promise<ReloadReceipt> {
    const { candidate: to, problems } = await prepare();
    if (to === null) return refused(problems);
    const changes = diffConfigs(compared(candidate.config), compared(to.config));
    const fixed = changes.filter(isFixed);
    if (fixed.length > 0) return refused([...problems, ...fixed.map((change) => cannotChange(path, change))]);
    if (changes.length === 0)
      return receipt('unchanged', { problems, changes, next: 'it says what holds already: nothing is done' });
    const took = await turnTo(to, notesOf(changes));
    if (!took)
      return receipt('failed', { problems, changes, next: 'the one before holds; the log says more' });
    for (const line of describeChanges(changes)) log.info({ change: line }, 'configuration changed');
    const later = input.onApplied?.(to.config) ?? [];
    const next =
      later.length === 0 ? 'it holds now' : `it holds now, but for what needs a restart: ${later.join('; ')}`;
    return receipt('applied', { problems, changes, next });
  }

  function refused(problems: readonly ProblemView[]): ReloadReceipt {
    const errors = problems.filter(({ severity }) => severity === 'error');
    for (const { file, line, column, path: field, message } of errors)
      log.error({ file, line, column, field, problem: message }, 'the configuration is wrong');
    const [first] = errors;
    const why = `the configuration was not reloaded: ${first === undefined ? 'it is wrong' : lineOf(first)}`;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    daemon.note({ kind: 'reload', why: why + more, data: { outcome: 'refused', errors: errors.length } });
    return receipt('refused', { problems, changes: [], next: 'nothing has changed' });
  }

  function receipt(
    outcome: ReloadOutcome,
    {
      problems,
      changes,
      next: follows,
    }: {
      problems: readonly ProblemView[];
      changes: readonly ConfigChange[];
      next: string;
    },
  ): ReloadReceipt {
    return { outcome, path, problems, changes, retiring: retiringOf(daemon), next: follows };
  }

  /** One after the other. */
  function queue(prepare: () => Promise<Prepared>): Promise<ReloadReceipt> {
    const own = last.then(() => reload(prepare));
    last = own.catch(() => {});
    return own;
  }

  const control: Control = {
    ...relay.control,
    reload: () => queue(() => input.prepare()),
    configuration: () => ({ path, entries: describeConfig(candidate.config, { digests: false }) }),
  };
  return { control, refresh: () => queue(() => input.refresh?.() ?? input.prepare()), run };
}

const compared = (config: SiteConfig): DescribedEntry[] => describeConfig(config, { digests: true });

/** The store and the machines' marks go by these. */
const fixedFields: ReadonlySet<string | null> = new Set(['site', 'stateDir', 'socket']);

const isFixed = ({ kind, field }: ConfigChange): boolean => kind === 'site' && fixedFields.has(field);

function cannotChange(file: string, change: ConfigChange): ProblemView {
  const message = `cannot be changed by a reload (${describeChange(change)}): stop the daemon and start it`;
  return { severity: 'error', file, line: 0, column: 0, path: change.field ?? '', message };
}

const entriesMax = 100;

/** For the journal: that it was reloaded, and each change by itself, where who asks for one pool finds it. */
function notesOf(changes: readonly ConfigChange[]): BeginNote[] {
  const lines = changes.slice(0, entriesMax).map((change): BeginNote => {
    const { kind, name } = change;
    return {
      kind: 'reload',
      ...(kind === 'pool' ? { pool: PoolName(name) } : {}),
      ...(kind === 'cloud' ? { cloud: CloudName(name) } : {}),
      why: describeChange(change),
    };
  });
  const why = `the configuration was reloaded: ${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`;
  return [{ kind: 'reload', why, data: { outcome: 'applied', changes: changes.length } }, ...lines];
}

function retiringOf({ control }: Daemon): string[] {
  const { pools, clouds } = control.status();
  const machines = (count: number) => (count === 1 ? '1 machine drains' : `${count} machines drain`);
  const countOf = ({ Free, Busy, Unusable }: (typeof pools)[number]['states']) => Free + Busy + Unusable;
  return [
    ...clouds.flatMap(({ name, retiring, instances }) =>
      retiring ? [`cloud ${name}: ${machines(countOf(instances))}`] : [],
    ),
    ...pools.flatMap(({ name, retiring, states }) =>
      retiring ? [`pool ${name}: ${machines(countOf(states))}`] : [],
    ),
  ];
}

const lineOf = ({ file, line, column, path, message }: ProblemView): string =>
  `${file}${line === 0 ? '' : `:${line}:${column}`}${path === '' ? '' : ` ${path}`}: ${message}`;

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
