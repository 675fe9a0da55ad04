import type { Clock } from '../../model/clock.ts';
import { QueueError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import type { QueueMachine } from '../port.ts';
import type { NodeCalls } from './nodeCalls.ts';
import type { SourceSettings } from './settings.ts';
import type { NodeRow, SourceRow } from './wire.ts';

/** A node source that nothing has needed for so long is removed, where it may be. */
export const unusedMs = 10 * 60_000;

export interface SourcesInput {
  readonly found: readonly SourceRow[];
  readonly nodes: readonly NodeRow[];
  readonly machines: readonly QueueMachine[];
  /** Pools that jobs wait for. */
  readonly wanted: ReadonlySet<string>;
}

/**
 * Keeps the node sources that are ours to keep: made and deployed before the first machine of their pool can have booted,
 * removed when no machine, node or job has needed them for a while. A failure is logged and tried again at the next poll.
 */
export interface NodeSources {
  /** False where something was done. */
  settle(input: SourcesInput, signal: AbortSignal): Promise<boolean>;
}

export function nodeSources(
  sources: readonly SourceSettings[],
  { calls, clock, log }: { readonly calls: NodeCalls; readonly clock: Clock; readonly log: Log },
): NodeSources {
  const neededAtMs = new Map<string, number>();
  const failing = new Set<string>();

  async function settleOne(
    source: SourceSettings,
    input: SourcesInput,
    signal: AbortSignal,
  ): Promise<boolean> {
    const nowMs = clock.monotonicNow();
    const row = input.found.find(({ name }) => name === source.name);
    const hasMachines = input.machines.some(({ pool }) => pool === source.pool);
    const hasNodes = input.nodes.some((node) => node.source === source.name);
    if (hasMachines || hasNodes || input.wanted.has(source.pool) || !neededAtMs.has(source.name))
      neededAtMs.set(source.name, nowMs);
    if (hasMachines && row?.isDeployed !== true) {
      if (row === undefined) await calls.create(source, signal);
      await calls.deploy(source, signal);
      log.info(
        { source: source.name },
        row === undefined ? 'node source made and deployed' : 'node source deployed',
      );
      return false;
    }
    const unused = nowMs - (neededAtMs.get(source.name) ?? nowMs) >= unusedMs;
    if (row === undefined || !unused || source.manage !== 'remove') return true;
    await calls.drop(source, signal);
    log.info({ source: source.name }, 'node source removed: nothing needs it');
    return false;
  }

  return {
    settle: async (input, signal) => {
      let settled = true;
      for (const source of sources) {
        if (source.manage === 'use') continue;
        try {
          settled = (await settleOne(source, input, signal)) && settled;
          failing.delete(source.name);
        } catch (error) {
          if (!(error instanceof QueueError) || error.code === 'timeout') throw error;
          settled = false;
          if (!failing.has(source.name))
            log.warn(
              { source: source.name, why: error.message },
              'node source could not be set up: it is tried again',
            );
          failing.add(source.name);
        }
      }
      return settled;
    },
  };
}
