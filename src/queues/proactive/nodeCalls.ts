import { QueueError } from '../../model/errors.ts';
import type { Rest } from './rest.ts';
import type { SourceSettings } from './settings.ts';
import {
  type NodeRow,
  type Rows,
  readMonitoring,
  readNodeCount,
  readOutcome,
  type SourceRow,
} from './wire.ts';

/** What is asked of the resource manager, and told it. Every order may be repeated. */
export interface NodeCalls {
  all(signal: AbortSignal): Promise<{ readonly nodes: Rows<NodeRow>; readonly sources: Rows<SourceRow> }>;
  /** The number of nodes that it counts; null where it does not say. */
  count(signal: AbortSignal): Promise<number | null>;
  lock(urls: readonly string[], signal: AbortSignal): Promise<void>;
  unlock(urls: readonly string[], signal: AbortSignal): Promise<void>;
  addToken(url: string, token: string, signal: AbortSignal): Promise<void>;
  removeToken(url: string, token: string, signal: AbortSignal): Promise<void>;
  /** Forgets a node whose machine is gone. */
  remove(url: string, signal: AbortSignal): Promise<void>;
  create(source: SourceSettings, signal: AbortSignal): Promise<void>;
  deploy(source: SourceSettings, signal: AbortSignal): Promise<void>;
  /** Nodes that have a task end it first. */
  drop(source: SourceSettings, signal: AbortSignal): Promise<void>;
}

const infrastructure =
  'org.ow2.proactive.resourcemanager.nodesource.infrastructure.DefaultInfrastructureManager';
const policy = 'org.ow2.proactive.resourcemanager.nodesource.policy.StaticPolicy';

export function nodeCalls(rest: Rest): NodeCalls {
  const rm = { half: 'rm' } as const;

  async function order(
    what: string,
    call: { readonly method: 'POST' | 'PUT'; readonly path: string },
    form: readonly (readonly [string, string])[],
    signal: AbortSignal,
  ): Promise<void> {
    const { done, why } = readOutcome(await rest.json({ ...rm, ...call, form }, signal));
    if (!done && !/already (exists|deployed)/i.test(why))
      throw new QueueError('invalid', `${what}: ${why.replaceAll(/[\p{Cc}\s]+/gu, ' ').slice(0, 300)}`);
  }

  const lists = async (path: string, urls: readonly string[], signal: AbortSignal) => {
    if (urls.length === 0) return;
    await rest.text({ ...rm, method: 'POST', path, form: urls.map((url) => ['nodeurls', url]) }, signal);
  };
  const token = async (method: 'POST' | 'DELETE', headers: Record<string, string>, signal: AbortSignal) => {
    await rest.text({ ...rm, method, path: '/node/token', headers }, signal);
  };

  return {
    all: async (signal) =>
      readMonitoring(await rest.json({ ...rm, method: 'GET', path: '/monitoring/full' }, signal)),
    count: async (signal) => readNodeCount(await rest.json({ ...rm, method: 'GET', path: '/state' }, signal)),
    lock: (urls, signal) => lists('/node/lock', urls, signal),
    unlock: (urls, signal) => lists('/node/unlock', urls, signal),
    addToken: (url, text, signal) => token('POST', { nodeurl: url, token: text }, signal),
    removeToken: (url, text, signal) => token('DELETE', { nodeurl: url, token: text }, signal),
    remove: async (url, signal) => {
      const form = [
        ['url', url],
        ['preempt', 'true'],
      ] as const;
      try {
        await rest.text({ ...rm, method: 'POST', path: '/node/remove', form }, signal);
      } catch (error) {
        if (!(error instanceof QueueError) || (error.code !== 'notFound' && error.code !== 'invalid'))
          throw error;
      }
    },
    create: (source, signal) =>
      order(
        `node source ${source.name}`,
        { method: 'POST', path: '/nodesource' },
        [
          ['nodeSourceName', source.name],
          ['infrastructureType', infrastructure],
          ['policyType', policy],
          // Who may use its nodes, and who may add some.
          ['policyParameters', 'ALL'],
          ['policyParameters', source.providers],
          ['nodesRecoverable', 'true'],
        ],
        signal,
      ),
    deploy: (source, signal) =>
      order(
        `node source ${source.name}`,
        { method: 'PUT', path: '/nodesource/deploy' },
        [['nodeSourceName', source.name]],
        signal,
      ),
    drop: async (source, signal) => {
      const form = [
        ['name', source.name],
        ['preempt', 'false'],
      ] as const;
      await rest.text({ ...rm, method: 'POST', path: '/nodesource/remove', form }, signal);
    },
  };
}
