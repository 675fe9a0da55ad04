import type { Check, CheckFinding } from '../../model/check.ts';
import type { QueueCheckRequest } from '../port.ts';
import type { JobReader } from './jobs.ts';
import type { NodeCalls } from './nodeCalls.ts';
import type { ProactiveSettings } from './settings.ts';

export interface ChecksInput {
  readonly jobs: Pick<JobReader, 'revision'>;
  readonly calls: Pick<NodeCalls, 'all'>;
  readonly settings: ProactiveSettings;
  readonly request: QueueCheckRequest;
}

/** What `check --live` looks at. Reads only. */
export function checksOf({ jobs, calls, settings, request }: ChecksInput): readonly Check[] {
  return [
    {
      subject: 'login',
      run: async (signal) => {
        await jobs.revision(signal);
        await calls.all(signal);
        return [
          ok(`${settings.url} takes ${settings.username} in, at the scheduler and at the resource manager`),
        ];
      },
    },
    {
      subject: 'settings',
      run: async (signal) => {
        const { sources } = await calls.all(signal);
        const found = new Map(sources.rows.map((row) => [row.name, row]));
        return settings.sources.map(({ name, manage }): CheckFinding => {
          const row = found.get(name);
          if (row?.isDeployed === true) return ok(`node source ${name} is deployed`);
          if (manage !== 'use')
            return ok(`node source ${name} will be made and deployed with its first machine`);
          return row === undefined
            ? wrong(`there is no node source ${name}: make it, or let \`manage: create\` do that`)
            : wrong(`node source ${name} is not deployed: nodes cannot join it`);
        });
      },
    },
    {
      subject: 'joining',
      run: async () => [...joining(settings), ...pools(settings, request)],
    },
  ];
}

function joining({ nodes }: ProactiveSettings): readonly CheckFinding[] {
  const said = /^([a-z]+):\/\//i.exec(nodes.url)?.[1]?.toLowerCase() ?? null;
  if (said === null) return [warning(`machines are to join ${nodes.url}, which names no protocol`)];
  return said === nodes.protocol
    ? [ok(`machines join ${nodes.url} as ${nodes.owner}`)]
    : [warning(`machines speak ${nodes.protocol} and are to join ${nodes.url}`)];
}

function pools({ sources }: ProactiveSettings, { pools: own }: QueueCheckRequest): readonly CheckFinding[] {
  const without = own.filter(({ name }) => sources.every(({ pool }) => pool !== name));
  const unknown = sources.filter(({ pool }) => own.every(({ name }) => name !== pool));
  return [
    ...without.map(({ name }) => wrong(`pool ${name} has no node source among the queue's \`sources\``)),
    ...unknown.map(({ name, pool }) =>
      wrong(`node source ${name} is for pool ${pool}, which this queue does not have`),
    ),
  ];
}

const ok = (message: string): CheckFinding => ({ verdict: 'ok', message });
const warning = (message: string): CheckFinding => ({ verdict: 'warning', message });
const wrong = (message: string): CheckFinding => ({ verdict: 'error', message });
