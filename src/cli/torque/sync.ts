import { delimiter } from 'node:path';
import { runProgram } from '../../host/programs.ts';
import { CliError, exitCodes } from '../exit.ts';
import type { TorqueSettings } from './settings.ts';

const answerBytesMax = 16 * 2 ** 20;

/** Torque's own programs, by their answers and exit codes. All throw CliError. */
export interface TorqueTools {
  /** np of a node; null: Torque has no such node. */
  nodeProcessors(node: string, signal: AbortSignal): Promise<number | null>;
  setNodeProcessors(node: string, np: number, signal: AbortSignal): Promise<void>;
}

export function torqueTools({ torqueBin }: Pick<TorqueSettings, 'torqueBin'>, path: string): TorqueTools {
  const environment = {
    PATH: torqueBin === null ? path : `${torqueBin}${delimiter}${path}`,
    LANG: 'C.UTF-8',
  };

  /** Any exit code but 0, and any word on standard error, is a failure: `pbsnodes -o` says 0 when it was refused. */
  async function run(argv: readonly [string, ...string[]], signal: AbortSignal): Promise<string> {
    const [program] = argv;
    const { exitCode, stdout, stderr } = await runProgram(
      argv,
      { environment, stdoutBytesMax: answerBytesMax },
      signal,
    ).catch((error: unknown) => {
      throw new CliError(exitCodes.failed, 'queueTrouble', `${program}: ${String(error)}`);
    });
    if (exitCode === 0 && stderr.trim() === '') return stdout;
    const said = stderr.trim().split('\n').at(-1) ?? '';
    const what = `${program}: ${said === '' ? 'said nothing' : said} (exit code ${exitCode})`;
    throw new CliError(exitCodes.failed, 'queueTrouble', what);
  }

  return {
    nodeProcessors: async (node, signal) => {
      const answer = await run(['pbsnodes', '-x'], signal);
      if (!isNodeList(answer))
        throw new CliError(exitCodes.failed, 'queueTrouble', 'pbsnodes: no list of nodes');
      return processorsIn(answer, node);
    },
    setNodeProcessors: async (node, np, signal) => {
      await run(['qmgr', '-c', `set node ${node} np = ${np}`], signal);
    },
  };
}

/** Without any node pbsnodes says nothing at all, and so does one that has failed: neither is a list. */
export function isNodeList(xml: string): boolean {
  return xml.includes('<Data>') && xml.includes('</Data>');
}

export function processorsIn(xml: string, node: string): number | null {
  for (const [, content = ''] of xml.matchAll(/<Node>(.*?)<\/Node>/gs)) {
    const name = /<name>([^<]*)<\/name>/.exec(content)?.[1];
    const np = /<np>(\d+)<\/np>/.exec(content)?.[1];
    if (name === node && np !== undefined) return Number(np);
  }
  return null;
}

/** Machines that jobs of this node can have at once: the max of each of its pools, once. Throws CliError for one that is not there. */
export function machinesMax(
  { pool, poolOfQueue }: Pick<TorqueSettings, 'pool' | 'poolOfQueue'>,
  pools: readonly { readonly name: string; readonly max: number }[],
): number {
  const names = new Set([pool, ...poolOfQueue.values()]);
  return [...names].reduce((sum, name) => {
    const found = pools.find((one) => one.name === name);
    if (found === undefined)
      throw new CliError(exitCodes.notFound, 'unknownPool', `there is no pool ${name}`);
    return sum + found.max;
  }, 0);
}
