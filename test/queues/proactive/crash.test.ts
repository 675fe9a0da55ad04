import { expect, it } from 'vitest';
import { forgetfulMemory } from '../../../src/model/memory.ts';
import { createVirtualClock } from '../../../src/simulate/virtualClock.ts';
import {
  lifeBoundaries,
  lifeSources,
  liveDeployment,
  type Mortal,
} from '../../support/proactive/deploymentLife.ts';
import { orderly } from '../../support/proactive/mortalAdapter.ts';
import { startProactive } from '../../support/proactive/server.ts';
import { settingsOn } from '../../support/proactive/under-test.ts';

/** In one process, where death is an adapter that is never heard of again; test/real/proactive-crash.test.ts has processes. */
it('death at every boundary of a deployment: a token has its machines once, and none is left', async () => {
  const server = await startProactive();
  const visited = new Set<string>();
  const visits = {
    has: (boundary: string) => visited.has(boundary),
    add: (boundary: string) => void visited.add(boundary),
    all: () => [...visited],
  };
  const memory = forgetfulMemory();
  const clock = createVirtualClock();

  async function begin(): Promise<Mortal> {
    const life = new AbortController();
    const isDead = () => life.signal.aborted;
    const carryOut = orderly(settingsOn(server, { sources: lifeSources }), {
      clock,
      visits,
      memory: {
        load: () => memory.load(),
        save: (changes) => {
          life.signal.throwIfAborted();
          memory.save(changes);
        },
      },
      die: () => {
        life.abort();
        life.signal.throwIfAborted();
      },
    });
    return {
      kill: () => life.abort(),
      ask: async (order) => {
        try {
          const result = await carryOut(order, life.signal);
          return isDead() ? null : { result };
        } catch (error) {
          return isDead() ? null : { error: String(error) };
        }
      },
    };
  }

  try {
    await liveDeployment(server, { begin, visits });
    expect(visited.size).toBe(lifeBoundaries.length);
  } finally {
    await server.stop();
  }
});
