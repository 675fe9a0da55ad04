import { QueueError, type QueueErrorCode } from '../../model/errors.ts';
import type { ToolResult } from './command.ts';

/**
 * HTCondor's tools say what went wrong in words on stderr and exit with 1, whatever it was; the numbers of its
 * security layer are the most stable part. In this order, since an answer may carry several: the first row that
 * fits decides. A query that matches nothing is no failure: exit code 0 and nothing on stdout.
 */
const rows: readonly (readonly [RegExp, QueueErrorCode])[] = [
  [/^Error: unrecognized argument|invalid constraint|Parse error in constraint/m, 'invalid'],
  [/AUTHENTICATE:\d+|SECMAN:2010|SECMAN:2009|"DENIED"|PERMISSION DENIED|not authorized/i, 'denied'],
  [/Can't find address for startd/, 'notFound'],
  // A schedd that hangs: the tool itself gives up after 20 s.
  [/SECMAN:2007|CEDAR:6002|timed out/i, 'timeout'],
  [/Collector has no record of|Can't find address for schedd/, 'unavailable'],
  [/Couldn't contact the condor_collector|unknown host|CEDAR:\d+|Failed to (fetch|connect)/, 'unavailable'],
];

/** The failure that a tool's exit code and stderr tell of. Only for exit codes other than 0. */
export function failureOf(tool: string, result: ToolResult): QueueError {
  const found = rows.find(([pattern]) => pattern.test(result.stderr));
  const said = firstWords(result.stderr) || `exit code ${result.exitCode}`;
  return new QueueError(found?.[1] ?? 'unavailable', `${tool}: ${said}`);
}

/** What the tool said, in one line, without the paragraphs of advice that follow. */
function firstWords(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const advice = lines.findIndex((line) => line.startsWith('Extra Info'));
  return lines
    .slice(0, advice < 0 ? linesMax : Math.min(advice, linesMax))
    .join('; ')
    .slice(0, 400);
}

const linesMax = 3;
