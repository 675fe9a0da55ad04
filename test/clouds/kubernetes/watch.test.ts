import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { kubernetesDriver } from '../../../src/clouds/kubernetes/driver.ts';
import { CloudName, SiteId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import { startLoopbackKubernetes } from '../../support/kubernetes/server.ts';
import { preload, withToken } from '../../support/kubernetes/under-test.ts';
import { beginEnd } from '../../support/kubernetes/world.ts';

afterEach(() => vi.restoreAllMocks());

const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 5 });

/** How long the driver waits for a version, and for the end of a watch. */
const guardsMs = new Set([30_000, 270_000]);

/** The server, and a driver that hints. Pauses are over at once; what waits for a hanging call waits for `giveUp`. */
async function watched(token: string | null = null) {
  const server = await startLoopbackKubernetes();
  const logged: unknown[] = [];
  const pauses: number[] = [];
  const guards = new Set<() => void>();
  const note = (...line: readonly unknown[]) => logged.push(line);
  const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };
  const clock = {
    wallNow: () => 0,
    monotonicNow: () => 0,
    sleep: async (ms: number, signal: AbortSignal) => {
      if (!guardsMs.has(ms)) {
        pauses.push(ms);
        await new Promise((resolve) => setImmediate(resolve));
        return;
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const left = () => reject(signal.reason);
      signal.addEventListener('abort', left, { once: true });
      guards.add(resolve);
      try {
        await promise;
      } finally {
        guards.delete(resolve);
        signal.removeEventListener('abort', left);
      }
    },
  };
  const cloud = kubernetesDriver.create(withToken(server.url, token ?? server.token), {
    site: SiteId('site-a'),
    cloud: CloudName('c'),
    clock,
    log,
  });
  const stop = new AbortController();
  let hints = 0;
  const done = cloud.hint(() => {
    hints += 1;
  }, stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await done;
    await cloud.close();
    await server.stop();
  });
  return {
    server,
    world: server.world,
    watches: server.watches,
    cloud,
    stop,
    done,
    logged,
    pauses,
    hints: () => hints,
    giveUp: () => {
      for (const end of guards) end();
    },
    /** The watch is open, and the list has been asked for that its beginning brings. */
    begun: async () => {
      await until(() => expect(server.watches.open).toBe(1));
      expect(hints).toBe(1);
    },
    add: (intent: string) => preload(server.world, 'site-a', intent),
  };
}

describe('a watch of pods', () => {
  it('tells of a pod that is new, is otherwise, is to be taken and is gone', async () => {
    const { begun, add, world, hints, server } = await watched();
    world.levers.bootMs = 1000;
    world.levers.stopMs = 1000;
    await begun();
    const pod = add('one');
    await until(() => expect(hints()).toBe(2));
    server.advance(1000);
    await until(() => expect(hints()).toBe(3));
    const ready = { type: 'Ready', status: 'True' };
    const target = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' };
    pod.status = { phase: 'Running', conditions: [ready, target] };
    await until(() => expect(hints()).toBe(4));
    beginEnd(world, pod);
    await until(() => expect(hints()).toBe(5));
    server.advance(1000);
    await until(() => expect(hints()).toBe(6));
    expect(server.calls('WATCH pods')).toBe(1);
    // The version that it begins with; nothing else was listed.
    expect(server.calls('GET pods')).toBe(1);
  });

  it('is silent about what changes no list, and about other pods', async () => {
    const { begun, add, hints, world, watches } = await watched();
    await begun();
    const full = (nodes: number) => ({
      phase: 'Pending',
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: `0/${nodes} nodes are available: ${nodes} Insufficient cpu.`,
        },
      ],
    });
    const pod = add('one');
    await until(() => expect(hints()).toBe(2));
    pod.status = full(3);
    await until(() => expect(hints()).toBe(3));
    pod.status = full(4);
    preload(world, 'site-b', 'theirs');
    watches.bookmark();
    // Events come in their order: after the next one the others have been read.
    pod.status = { phase: 'Failed' };
    await until(() => expect(hints()).toBe(4));
  });

  it('misses nothing where it is cut, ended or meets an error, and goes on where it was', async () => {
    const { begun, add, hints, watches, server } = await watched();
    await begun();
    add('one');
    await until(() => expect(hints()).toBe(2));
    for (const [at, fault] of [429, 500, 503].entries()) {
      server.fault('WATCH pods', { kind: 'error', status: fault, code: 'trouble' }, 2);
      watches.cut();
      add(`more-${at}`);
      await until(() => expect(hints()).toBe(3 + at));
    }
    const before = server.calls('WATCH pods');
    watches.end();
    await until(() => expect(server.calls('WATCH pods')).toBe(before + 1));
    add('last');
    await until(() => expect(hints()).toBe(6));
    expect(server.calls('GET pods')).toBe(1);
  });

  it('waits longer and longer while it fails', async () => {
    const { begun, watches, server, pauses } = await watched();
    await begun();
    server.fault('WATCH pods', { kind: 'error', status: 500, code: 'trouble' }, 6);
    watches.cut();
    await until(() => expect(server.calls('WATCH pods')).toBe(8));
    const most = pauses.map((_pause, at) => 2 ** (at + 1) * 1000);
    expect(pauses.length).toBe(7);
    for (const [at, pause] of pauses.entries()) {
      expect(pause).toBeLessThanOrEqual(most[at] ?? 0);
      expect(pause).toBeGreaterThanOrEqual((most[at] ?? 0) / 2);
    }
  });

  it('begins anew, with a list, where the cluster no longer keeps what happened', async () => {
    const { begun, add, hints, watches, server } = await watched();
    await begun();
    watches.stall();
    add('one');
    watches.compact();
    watches.cut();
    watches.wake();
    await until(() => expect([hints(), watches.open]).toEqual([2, 1]));
    expect(server.calls('GET pods')).toBe(2);
    add('two');
    await until(() => expect(hints()).toBe(3));
  });

  it.each([
    'no event\n',
    '{"type":"ADDED","object":{}}\n',
    '{"type":"TOLD","object":{}}\n',
    '[]\n',
    '{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError"}}\n',
    'x'.repeat(9 * 1024 * 1024),
  ])('goes on after an answer that is none (%#)', async (text) => {
    const { begun, add, hints, watches, server } = await watched();
    await begun();
    watches.say(text);
    await until(() => expect(server.calls('WATCH pods')).toBe(2));
    await until(() => expect(watches.open).toBe(1));
    const before = hints();
    add('one');
    await until(() => expect(hints()).toBe(before + 1));
  });

  it('is given up where it hangs, and begins anew', async () => {
    const { begun, add, hints, watches, giveUp } = await watched();
    await begun();
    watches.stall();
    add('one');
    giveUp();
    await until(() => expect(hints()).toBe(2));
    watches.wake();
    add('two');
    await until(() => expect(hints()).toBeGreaterThan(2));
  });

  it('holds up no other call', async () => {
    const { begun, cloud, watches, server, add } = await watched();
    await begun();
    watches.stall();
    add('one');
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        expect(await cloud.list(AbortSignal.timeout(20_000))).toHaveLength(1);
      }),
    );
    expect([watches.open, server.calls('WATCH pods')]).toEqual([1, 1]);
  });
});

describe('the end of a watch', () => {
  it('comes at once when it is aborted, or the cloud is closed', async () => {
    const one = await watched();
    await one.begun();
    one.stop.abort();
    await one.done;
    await until(() => expect(one.watches.open).toBe(0));
    const other = await watched();
    await other.begun();
    await other.cloud.close();
    await other.done;
    expect(other.hints()).toBe(1);
  });

  it('comes without the right to it, with a word', async () => {
    const { server, logged, done, watches, world, begun } = await watched();
    await begun();
    world.rights.set('provisioner', new Set(['list pods']));
    watches.cut();
    await done;
    const words = JSON.stringify(logged);
    expect(words).toContain('no right to watch pods');
    expect(words).not.toContain(server.token);
  });

  it('does not come of a credential that is refused, and no log has it', async () => {
    const { logged, watches, world, begun, server, hints, add } = await watched();
    await begun();
    world.tokens.clear();
    watches.cut();
    await until(() => expect(server.calls('WATCH pods')).toBeGreaterThan(3));
    world.tokens.set(server.token, 'provisioner');
    await until(() => expect(watches.open).toBe(1));
    add('one');
    await until(() => expect(hints()).toBe(2));
    expect(JSON.stringify(logged)).toContain('Unauthorized');
    expect(JSON.stringify(logged)).not.toContain(server.token);
  });
});
