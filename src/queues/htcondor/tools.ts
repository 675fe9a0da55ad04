import type { ClassAd } from '../../classad/ad.ts';
import type { Clock } from '../../model/clock.ts';
import { runTool, type ToolResult, type ToolSetup } from './command.ts';
import { failureOf } from './failure.ts';
import { type AdReader, LongAds } from './long-ads.ts';
import type { HtcondorSettings } from './settings.ts';

/** HTCondor's programs as this queue runs them: each failure is a QueueError, an answer is an answer. */
export interface Tools {
  /** What the tool says on standard output. */
  text(tool: string, args: readonly string[], signal: AbortSignal, input?: string): Promise<string>;
  /** The same, whatever its exit code. */
  result(tool: string, args: readonly string[], signal: AbortSignal): Promise<ToolResult>;
  /** Each ad of a `-long` answer, as lines, while it streams in. No match is no ad. */
  ads(
    tool: string,
    args: readonly string[],
    onAd: (lines: readonly string[]) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** A table, a message: never long. */
const textBytesMax = 1024 * 1024;
/** 100,000 waiting jobs, each of its own kind, or 20,000 slots. */
const adsBytesMax = 256 * 1024 * 1024;

export function createTools(
  settings: HtcondorSettings,
  clock: Clock,
  more: Readonly<Record<string, string>> = {},
): Tools {
  const setup: ToolSetup = {
    bin: settings.bin,
    environment: { ...environmentOf(settings, process.env), ...more },
    timeoutMs: settings.commandTimeoutMs,
    clock,
  };
  const checked = (tool: string, result: ToolResult): ToolResult => {
    if (result.exitCode !== 0) throw failureOf(tool, result);
    return result;
  };
  return {
    text: async (tool, args, signal, input = '') => {
      const result = await runTool(setup, { tool, args, input, stdoutBytesMax: textBytesMax }, signal);
      return checked(tool, result).stdout;
    },
    result: (tool, args, signal) =>
      runTool(setup, { tool, args, input: '', stdoutBytesMax: textBytesMax }, signal),
    ads: async (tool, args, onAd, signal) => {
      const long = new LongAds(onAd);
      const call = { tool, args: [...args, '-long'], stdoutBytesMax: adsBytesMax, onLine: long.take };
      checked(tool, await runTool(setup, call, signal));
      long.finish();
    },
  };
}

export async function readAds(
  tools: Tools,
  reader: AdReader,
  tool: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<readonly ClassAd[]> {
  const ads: ClassAd[] = [];
  await tools.ads(tool, args, (lines) => ads.push(reader.read(lines)), signal);
  return ads;
}

/**
 * All that the programs get to see of the environment: where programs and a user's tokens are. The rest of the
 * daemon's environment may hold the clouds' secrets.
 */
export function environmentOf(
  settings: Pick<HtcondorSettings, 'condorConfig' | 'pool'>,
  inherited: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const config = settings.condorConfig ?? inherited.CONDOR_CONFIG;
  return {
    LANG: 'C.UTF-8',
    PATH: inherited.PATH ?? '/usr/bin:/bin',
    ...(inherited.HOME === undefined ? {} : { HOME: inherited.HOME }),
    ...(config === undefined ? {} : { CONDOR_CONFIG: config }),
    // The same for every program, where `-pool` is an option of some.
    ...(settings.pool === null ? {} : { _CONDOR_COLLECTOR_HOST: settings.pool }),
  };
}

/** A text as a ClassAd string literal, for constraints. */
export function quoted(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
