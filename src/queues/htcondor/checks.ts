import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check, CheckFinding } from '../../model/check.ts';
import type { Clock } from '../../model/clock.ts';
import { QueueError } from '../../model/errors.ts';
import { InstanceId } from '../../model/ids.ts';
import type { QueueCheckRequest } from '../port.ts';
import { QueueLog } from './queue-log.ts';
import { waiting, where } from './schedd.ts';
import type { HtcondorSettings, JoinSettings } from './settings.ts';
import { identityOf, mintToken } from './token.ts';
import type { Tools } from './tools.ts';
import { parseTotals } from './totals.ts';

export interface CheckParts {
  readonly tools: Tools;
  /** The tools with more in their environment. */
  readonly toolsWith: (more: Readonly<Record<string, string>>) => Tools;
  readonly settings: HtcondorSettings;
  readonly schedds: readonly (string | null)[];
  readonly clock: Clock;
}

type Look = (parts: CheckParts, signal: AbortSignal) => Promise<readonly CheckFinding[]>;

/** What of a pool makes polls, drains and joins fail. Some 12 calls of HTCondor's tools, which only ask. */
export function htcondorChecks(parts: CheckParts, request: QueueCheckRequest): readonly Check[] {
  const looks: readonly (readonly [Check['subject'], Look])[] = [
    ['login', logIn],
    ['clock', clocks],
    ['rights', rights],
    ['settings', negotiation],
    ['settings', queueLog],
    ['joining', joining],
    ['joining', async () => lifetimes(parts.settings.join, request)],
    ['jobs', jobs],
  ];
  return looks.map(([subject, look]) => ({ subject, run: (signal) => look(parts, signal) }));
}

const logIn: Look = async ({ tools }, signal) => {
  const text = await tools.text('condor_status', ['-collector', '-af', 'Name', 'CondorVersion'], signal);
  const [first = ''] = text.split('\n');
  if (first.trim() === '')
    return [
      { verdict: 'error', message: 'the collector answers, and does not know itself: no COLLECTOR ad' },
    ];
  const version = /\$CondorVersion: (\S+)/.exec(first)?.[1] ?? 'of an unknown version';
  const name = first.slice(0, Math.max(0, first.indexOf(' $'))) || first;
  return [{ verdict: 'ok', message: `${name}, HTCondor ${version}` }];
};

/** A token is good from a moment on: one that was issued in the collector's future opens nothing. */
const skewTolerated = 5;
const skewsTried = [60, 300, 3600];

const clocks: Look = async ({ tools, clock }, signal) => {
  const ours = Math.floor(clock.wallNow() / 1000);
  const within = async (from: number, to: number) => {
    const constraint = `time() >= ${ours + from} && time() <= ${ours + to}`;
    const text = await tools.text(
      'condor_status',
      ['-collector', '-constraint', constraint, '-af', 'Name'],
      signal,
    );
    return text.trim() !== '';
  };
  if (await within(-skewTolerated, skewTolerated))
    return [{ verdict: 'ok', message: "the collector's clock and this host's agree to some seconds" }];
  for (const skew of skewsTried) {
    if (!(await within(-skew, skew))) continue;
    const message = `the collector's clock and this host's are up to ${skew} s apart: machines' tokens may be refused as not yet good, set both by NTP`;
    return [{ verdict: 'warning', message, figures: { skewSecondsMax: skew } }];
  }
  return [{ verdict: 'error', message: "the collector's clock and this host's are more than an hour apart" }];
};

const wanted = [
  { right: 'READ', verdict: 'error', without: 'no polls' },
  {
    right: 'ADMINISTRATOR',
    verdict: 'error',
    without: 'machines cannot be drained, so none is ended for idleness',
  },
  {
    right: 'ADVERTISE_STARTD',
    verdict: 'warning',
    without: 'the ad of a machine that is gone stays for 15 minutes, and jobs are matched to it in vain',
  },
] as const;

const rights: Look = async ({ tools }, signal) => {
  const names = wanted.map(({ right }) => right);
  const table = await ping(tools, names, signal);
  if (table === null)
    return [{ verdict: 'unknown', message: 'condor_ping does not say what this user may do' }];
  return wanted.map(({ right, verdict, without }): CheckFinding => {
    const line = table.get(right);
    if (line?.allowed === true) return { verdict: 'ok', message: `${right} as ${line.identity}` };
    return { verdict, message: `no ${right} at the collector: ${without}` };
  });
};

/** Null where it said nothing that is a table. */
async function ping(
  tools: Tools,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, { readonly allowed: boolean; readonly identity: string }> | null> {
  // It exits with 1 where one of them is refused, and has said which.
  const { stdout } = await tools.result('condor_ping', ['-type', 'collector', '-table', ...names], signal);
  const found = new Map<string, { readonly allowed: boolean; readonly identity: string }>();
  for (const line of stdout.split('\n')) {
    const cells = line.trim().split(/\s+/);
    const [right = ''] = cells;
    if (names.includes(right))
      found.set(right, { allowed: cells[4] === 'ALLOW', identity: cells[5] ?? 'nobody' });
  }
  return found.size === 0 ? null : found;
}

const intervalMaxSeconds = 120;

const negotiation: Look = async ({ tools }, signal) => {
  const names = ['NEGOTIATOR_INTERVAL', 'NEGOTIATOR_CYCLE_DELAY', 'NEGOTIATOR_DEPTH_FIRST'] as const;
  const text = await tools
    .text('condor_config_val', ['-negotiator', ...names], signal)
    .catch((error: unknown) => {
      if (error instanceof QueueError && error.code !== 'timeout' && error.code !== 'missing') return null;
      throw error;
    });
  if (text === null)
    return [{ verdict: 'unknown', message: 'the negotiator does not tell this user its settings' }];
  const [interval = '', delay = '', depthFirst = ''] = text.split('\n').map((line) => line.trim());
  const slowest = Math.max(Number(interval) || 0, Number(delay) || 0);
  const findings: CheckFinding[] = [];
  if (slowest > intervalMaxSeconds)
    findings.push({
      verdict: 'warning',
      message: `NEGOTIATOR_INTERVAL is ${interval} s: a machine that has joined is paid for and waits so long for its job`,
      figures: { negotiatorIntervalSeconds: slowest },
    });
  else findings.push({ verdict: 'ok', message: `it negotiates every ${interval} s` });
  if (depthFirst.toLowerCase() !== 'true')
    findings.push({
      verdict: 'ok',
      message:
        'NEGOTIATOR_DEPTH_FIRST is not set: with several jobs to a machine they are spread over all machines, and few are ever free',
    });
  return findings;
};

const queueLog: Look = async ({ settings: { jobQueueLog, jobsFrom } }, signal) => {
  if (jobQueueLog === null) return [];
  try {
    await new QueueLog(jobQueueLog).read({ skip: true }, () => {}, signal);
    return [{ verdict: 'ok', message: `${jobQueueLog} can be read` }];
  } catch (error) {
    if (!(error instanceof QueueError)) throw error;
    const instead = jobsFrom === 'log' ? 'jobs are read by condor_q' : 'new jobs are seen at the next poll';
    return [{ verdict: 'warning', message: `${error.message}: ${instead}` }];
  }
};

/** An instance that never is. */
const nobody = InstanceId('check-live');

/** Asks the collector whether a machine could come in, with a token as one gets it. */
const joining: Look = async ({ toolsWith, settings: { join: own }, clock }, signal) => {
  if (own === null)
    return [
      { verdict: 'ok', message: 'no `join`: machines come in by means of their own, and are nobody’s' },
    ];
  const folder = await mkdtemp(join(tmpdir(), 'spillway-check-'));
  try {
    const issuedAtSeconds = Math.floor(clock.wallNow() / 1000);
    const token = mintToken(
      { instance: nobody, issuedAtSeconds, lifetimeMs: checkTokenMs },
      { ...own, marginMs: 0 },
    );
    await writeFile(join(folder, 'token'), `${token}\n`, { mode: 0o600 });
    const tools = toolsWith({
      _CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS: 'IDTOKENS',
      _CONDOR_SEC_TOKEN_DIRECTORY: folder,
      _CONDOR_SEC_TOKEN_SYSTEM_DIRECTORY: folder,
      _CONDOR_TRUST_DOMAIN: own.trustDomain,
    });
    const names = ['ADVERTISE_STARTD', 'ADVERTISE_MASTER'];
    const table = await ping(tools, names, signal);
    const refused = names.filter((name) => table?.get(name)?.allowed !== true);
    const identity = identityOf(nobody, own);
    if (refused.length === 0)
      return [{ verdict: 'ok', message: `a machine's token is taken, as ${identity}` }];
    const message = `a machine's token (${identity}, key ${own.signingKeyId}) has no ${refused.join(' and no ')} at the collector: compare the key file in SEC_PASSWORD_DIRECTORY, trustDomain, and COLLECTOR.ALLOW_${refused[0]}`;
    return [{ verdict: 'error', message }];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const checkTokenMs = 60_000;

function lifetimes(join: JoinSettings | null, { pools }: QueueCheckRequest): readonly CheckFinding[] {
  if (join === null) return [];
  const endless = pools.filter(({ lifetimeMs }) => lifetimeMs === null).map(({ name }) => name);
  if (endless.length === 0) return [];
  const days = Math.round((join.lifetimeMs + join.marginMs) / 86_400_000);
  const message = `machines of ${endless.join(', ')} may live longer than their token, ${days} days: one that does is lost with its jobs when the collector restarts; give the pools a \`lifetime\``;
  return [{ verdict: 'warning', message, figures: { tokenDays: days } }];
}

const jobs: Look = async ({ tools, schedds }, signal) => {
  const findings: CheckFinding[] = [];
  for (const name of schedds) {
    try {
      const args = [...where(name), '-totals', '-constraint', waiting];
      const totals = parseTotals(await tools.text('condor_q', args, signal));
      const { matching, running, held } = totals;
      const message = `${totals.schedd}: ${matching} jobs wait, ${running} run, ${held} are held`;
      findings.push({ verdict: 'ok', message, figures: { waiting: matching, running, held } });
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      const message = `schedd ${name ?? 'of this host'}: ${error.code}: ${error.message}`;
      findings.push({ verdict: 'error', message });
    }
  }
  return findings;
};
