import { describe, expect, it } from 'vitest';
import type { ProblemView } from '../../src/api/reload.ts';
import type { SiteConfig } from '../../src/config/site.ts';
import type { Daemon } from '../../src/daemon/daemon.ts';
import {
  type BeginNote,
  type Candidate,
  createReloadable,
  type Prepared,
} from '../../src/daemon/reloadable.ts';
import { SiteId } from '../../src/model/ids.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import { keepLog } from '../support/apiServer.ts';
import { createFixtureControl } from '../support/fixtureControl.ts';
import { startSite } from '../support/scenes.ts';

/** Daemons that do nothing but stop when they are told, and a config that is another one each time. */
function bench() {
  const { config } = startSite();
  const events: string[] = [];
  const notes: Omit<JournalEntry, 'atMs'>[] = [];
  const logged: string[] = [];
  const listeners = new Map<string, () => void>();
  const control = createFixtureControl();
  const stopping = Promise.withResolvers<void>();
  let hold: Promise<void> = Promise.resolve();
  let prepared: Prepared = { candidate: null, problems: [] };
  let retired = () => {};

  const daemonOf = (name: string): Daemon => ({
    control: {
      ...control,
      status: () => ({ ...control.status(), site: name }),
      onJournal: (listener) => {
        listeners.set(name, listener);
        return () => void listeners.delete(name);
      },
    },
    run: async (signal) => {
      events.push(`${name} runs`);
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      });
      events.push(`${name} stops`);
      stopping.resolve();
      await hold;
      events.push(`${name} has stopped`);
    },
    note: (entry) => void notes.push(entry),
  });
  const candidateOf = (name: string, over: Partial<SiteConfig> = {}, fails = false): Candidate => ({
    config: { ...config, ...over },
    begin: async (given: readonly BeginNote[] | null, onRetired) => {
      if (fails) throw new Error('no such zone');
      events.push(`${name} begins`);
      if (given !== null) notes.push(...given);
      retired = onRetired;
      return daemonOf(name);
    },
  });
  const [pool] = config.pools;
  if (pool === undefined) throw new Error('a site without a pool');
  return {
    config,
    events,
    notes,
    logged,
    listeners,
    candidateOf,
    another: (name: string) => candidateOf(name, { pools: [{ ...pool, max: pool.max + 1 }] }),
    next: (candidate: Candidate | null, problems: readonly ProblemView[] = []) => {
      prepared = { candidate, problems };
    },
    holdStop: (until: Promise<void>) => {
      hold = until;
    },
    stopping: stopping.promise,
    retire: () => retired(),
    start: async () => {
      const ended = new AbortController();
      const reloadable = await createReloadable({
        path: '/etc/site.yaml',
        first: candidateOf('first'),
        prepare: async () => prepared,
        log: keepLog(logged),
      });
      const done = reloadable.run(ended.signal);
      return { ...reloadable, done, end: () => ended.abort(new Error('ended by SIGTERM')) };
    },
  };
}

const problem: ProblemView = {
  severity: 'error',
  file: '/etc/site.yaml',
  line: 3,
  column: 7,
  path: 'pools[0].max',
  message: 'expected a whole number',
};

describe('a reload', () => {
  it('lets the daemon stop before the next one begins, with the difference in its journal', async () => {
    const { events, notes, logged, another, next, start } = bench();
    const { control, end, done } = await start();
    next(another('second'));
    const receipt = await control.reload();
    expect(receipt).toMatchObject({ outcome: 'applied', path: '/etc/site.yaml', next: 'it holds now' });
    expect(receipt.changes).toMatchObject([{ kind: 'pool', field: 'max', from: '5', to: '6' }]);
    expect(control.status().site).toBe('second');
    end();
    await done;
    expect(events).toEqual([
      'first begins',
      'first runs',
      'first stops',
      'first has stopped',
      'second begins',
      'second runs',
      'second stops',
      'second has stopped',
    ]);
    expect(notes.map(({ kind, why }) => `${kind}: ${why}`)).toEqual([
      'reload: the configuration was reloaded: 1 change',
      expect.stringMatching(/^reload: pool .*: max 5 → 6$/),
    ]);
    expect(logged).toContain('info: configuration changed');
  });

  it('of a file that is wrong changes nothing and says why, to the one who asks, the log and the journal', async () => {
    const { events, notes, logged, next, start } = bench();
    const { control } = await start();
    next(null, [problem]);
    expect(await control.reload()).toMatchObject({ outcome: 'refused', problems: [problem], changes: [] });
    expect(events).toEqual(['first begins', 'first runs']);
    expect(logged).toEqual(['error: the configuration is wrong']);
    expect(notes).toMatchObject([
      {
        kind: 'reload',
        why: 'the configuration was not reloaded: /etc/site.yaml:3:7 pools[0].max: expected a whole number',
      },
    ]);
  });

  it('of what holds already does nothing', async () => {
    const { events, candidateOf, next, start } = bench();
    const { control } = await start();
    next(candidateOf('second'));
    expect(await control.reload()).toMatchObject({ outcome: 'unchanged', changes: [] });
    expect(events).toEqual(['first begins', 'first runs']);
  });

  it.each([
    ['site', { site: SiteId('other') }],
    ['stateDir', { stateDir: '/elsewhere' }],
    ['socket', { socket: '/elsewhere/s' }],
  ] as const)('cannot change %s', async (field, over) => {
    const { events, candidateOf, next, start } = bench();
    const { control } = await start();
    next(candidateOf('second', over));
    const { outcome, problems } = await control.reload();
    expect(outcome).toBe('refused');
    expect(problems.map(({ message }) => message).join()).toContain('cannot be changed by a reload');
    if (field !== 'site') expect(problems).toMatchObject([{ path: field }]);
    expect(events).toEqual(['first begins', 'first runs']);
  });

  it('with a config that cannot be begun goes back to the one before', async () => {
    const { notes, candidateOf, next, start, config } = bench();
    const { control, end, done } = await start();
    next(candidateOf('second', { hooks: [...config.hooks], mode: 'observe' }, true));
    expect(await control.reload()).toMatchObject({ outcome: 'failed' });
    expect(control.status().site).toBe('first');
    expect(notes.at(-1)?.why).toContain('no such zone; the one before holds');
    end();
    await done;
  });

  it('answers questions meanwhile, and has orders asked again', async () => {
    const { another, next, start, holdStop, stopping } = bench();
    const { control } = await start();
    const held = Promise.withResolvers<void>();
    holdStop(held.promise);
    next(another('second'));
    const reloading = control.reload();
    await stopping;
    expect(control.status().site).toBe('first');
    await expect(
      control.undrain(control.instances({ ended: false, limit: 1 }).instances[0]?.id as never),
    ).rejects.toMatchObject({
      code: 'notReady',
    });
    held.resolve();
    await reloading;
    expect(control.status().site).toBe('second');
  });

  it('one after the other, however many are asked for', async () => {
    const { events, another, next, start } = bench();
    const { control } = await start();
    next(another('second'));
    const outcomes = await Promise.all([control.reload(), control.reload(), control.reload()]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['applied', 'unchanged', 'unchanged']);
    expect(events.filter((event) => event.endsWith('begins'))).toHaveLength(2);
  });

  it('that the end of the daemon overtakes is not ready', async () => {
    const { another, next, start, holdStop, stopping } = bench();
    const { control, end, done } = await start();
    const held = Promise.withResolvers<void>();
    holdStop(held.promise);
    next(another('second'));
    const reloading = control.reload();
    reloading.catch(() => {});
    await stopping;
    end();
    held.resolve();
    await done;
    await expect(reloading).rejects.toMatchObject({ code: 'notReady' });
    await expect(control.reload()).rejects.toMatchObject({ code: 'notReady' });
  });

  it('is made by itself when the last of what retires is gone', async () => {
    const { events, notes, retire, start } = bench();
    const { end, done } = await start();
    retire();
    await expect.poll(() => events.filter((event) => event === 'first runs').length).toBe(2);
    expect(notes).toMatchObject([{ kind: 'reload', data: { outcome: 'retired' } }]);
    end();
    await done;
  });

  it('tells who listens to the journal of the next daemon’s, too', async () => {
    const { another, listeners, next, start } = bench();
    const { control } = await start();
    let heard = 0;
    const undo = control.onJournal(() => {
      heard += 1;
    });
    next(another('second'));
    await control.reload();
    listeners.get('second')?.();
    expect(heard).toBe(1);
    undo();
    expect(listeners.has('second')).toBe(false);
  });
});

it('what the daemon holds to can be asked for', async () => {
  const { config, start } = bench();
  const { control } = await start();
  const { path, entries } = control.configuration();
  expect(path).toBe('/etc/site.yaml');
  expect(entries.map(({ kind }) => kind)).toContain('pool');
  expect(entries.find(({ kind }) => kind === 'site')?.name).toBe(config.site);
});
