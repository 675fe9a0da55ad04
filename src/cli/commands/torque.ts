import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { connectDaemon } from '../client.ts';
import { CliError, exitCodes } from '../exit.ts';
import { type PlaceOptions, placeArgs, placeOf } from '../place.ts';
import { type AskOptions, askingCommand, complain, reportErrors, type Session, show } from '../session.ts';
import { epilogue } from '../torque/epilogue.ts';
import type { HookHost } from '../torque/host.ts';
import { becomeKeeper, keep, keeperLives } from '../torque/keeper.ts';
import { prologue } from '../torque/prologue.ts';
import { parseTorqueSettings, type TorqueSettings } from '../torque/settings.ts';
import { openTorqueState } from '../torque/state.ts';
import { machinesMax, torqueTools } from '../torque/sync.ts';

const defaultSettings = '/etc/spillway/torque.conf';

/**
 * What a prologue says to the script that ran it. None is a code that a program ends with when it fails: only the first lets a
 * job run, and only the second ends one.
 */
const prologueCodes = { go: 0, never: 10, again: 11 } as const;

interface TorqueOptions extends AskOptions {
  readonly settings: string;
}

export function addTorque(program: Command, session: Session): void {
  const torque = program
    .command('torque')
    .description('Torque jobs on borrowed machines: what a mom’s hooks run');
  const command = (name: string, description: string) =>
    askingCommand(torque, name, description).option(
      '--settings <path>',
      'the settings file',
      defaultSettings,
    );

  command('prologue', 'borrow a machine for a job')
    .argument('[words...]', 'the 8 arguments of a prologue')
    .action(async (words: string[], options: TorqueOptions) => {
      await asHook(session, options, async (host) => {
        session.exitCode = prologueCodes[await prologue(words, host, session.deps.signal)];
      });
    });
  command('epilogue', 'give back what a job had borrowed')
    .argument('[words...]', 'the 11 arguments of an epilogue')
    .action(async (words: string[], options: TorqueOptions) => {
      await asHook(session, options, async (host) => {
        session.exitCode = (await epilogue(words, host)) ? exitCodes.ok : exitCodes.failed;
      });
    });
  command('keep', 'renew the leases of running jobs; a prologue starts it where it does not run')
    .option('--stay', 'do not end when there is no job')
    .action(async (options: TorqueOptions & { stay?: boolean }) => {
      await asHook(session, options, async (host) => {
        await host.state.jobs();
        const keeper = await becomeKeeper(host.settings.stateDir, always);
        session.exitCode = exitCodes.ok;
        if (keeper === null) return host.say('another keeper runs');
        try {
          await keep(host, options.stay === true, session.deps.signal);
        } finally {
          await keeper.release();
        }
      });
    });
  command('sync', "make a worker node's np what its pools have at most")
    .option('--node <name>', 'the node; else that of the settings', nodeName)
    .option('--check', 'change nothing; exit code 1 where they differ')
    .action(async (options: TorqueOptions & { node?: string; check?: boolean }) => {
      await reportErrors(session, options, () => sync(session, options));
    });
}

const always = new AbortController().signal;

/** Where a hook fails in a way of its own, it has not slept: the script that ran it does. */
async function asHook(
  session: Session,
  options: TorqueOptions,
  work: (host: HookHost) => Promise<void>,
): Promise<void> {
  const { deps } = session;
  const say = (text: string) => deps.stderr.write(`spillway: ${text}\n`);
  session.exitCode = exitCodes.failed;
  try {
    const settings = await readSettings(options.settings);
    const at = placeWanted(options, settings);
    const place = await placeOf(deps, at);
    // The connection outlives the first signal: what was borrowed is given back.
    const client = connectDaemon(place, always);
    let keeperStarted = false;
    try {
      await work({
        settings,
        state: openTorqueState(settings.stateDir),
        client,
        clock: deps.clock,
        hostName: deps.torque.hostName,
        say,
        hasParent: () => deps.torque.hasParent(),
        ensureKeeper: async () => {
          if (await keeperLives(settings.stateDir, always)) return true;
          if (!keeperStarted)
            deps.torque.startApart([
              'torque',
              'keep',
              '--settings',
              options.settings,
              ...placeArgs(place, at),
            ]);
          keeperStarted = true;
          return false;
        },
      });
    } finally {
      await client.close();
    }
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
}

/** The command line goes before the settings, of either kind of place. */
function placeWanted(options: PlaceOptions, settings: TorqueSettings): PlaceOptions {
  const { socket, url, token, ca } = options;
  const asked = socket !== undefined || url !== undefined;
  const entries = Object.entries({
    socket: socket ?? (asked ? null : settings.socket),
    url: url ?? (asked ? null : settings.url),
    token: token ?? settings.token,
    ca: ca ?? settings.ca,
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== null));
}

interface SyncView {
  readonly node: string;
  readonly pools: readonly string[];
  readonly max: number;
  readonly np: number;
  readonly changed: boolean;
}

async function sync(
  session: Session,
  options: TorqueOptions & { node?: string; check?: boolean },
): Promise<void> {
  const { deps } = session;
  const settings = await readSettings(options.settings);
  const node = options.node ?? settings.node;
  if (node === null)
    throw new CliError(exitCodes.usage, 'invalid', 'which node? --node, or `node` in the settings');
  const client = connectDaemon(await placeOf(deps, placeWanted(options, settings)), deps.signal);
  try {
    const { pools } = await client.status();
    const max = machinesMax(settings, pools);
    const tools = torqueTools(settings, deps.env.PATH ?? '/usr/bin:/bin');
    const before = await tools.nodeProcessors(node, deps.signal);
    if (before === null) throw new CliError(exitCodes.notFound, 'notFound', `Torque has no node ${node}`);
    const differs = before !== max;
    const changes = differs && options.check !== true;
    if (changes) await tools.setNodeProcessors(node, max, deps.signal);
    const np = changes ? await tools.nodeProcessors(node, deps.signal) : before;
    const names = [...new Set([settings.pool, ...settings.poolOfQueue.values()])];
    const view: SyncView = { node, pools: names, max, np: np ?? 0, changed: changes };
    show(session, options, view, () => [syncLine(view, before)]);
    if (view.np !== max)
      complain(session, `np of ${node} is ${view.np}, and its pools have at most ${max}`, exitCodes.failed);
  } finally {
    await client.close();
  }
}

function syncLine({ node, np, max, changed }: SyncView, before: number): string {
  if (changed) return `np of ${node}: ${before} -> ${np}`;
  return np === max
    ? `np of ${node} is ${np}, as it should be`
    : `np of ${node} is ${np}, and should be ${max}`;
}

/** Throws CliError with every fault. */
async function readSettings(path: string): Promise<TorqueSettings> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new CliError(exitCodes.config, 'badConfig', `settings: ${String(error)}`);
  });
  const parsed = parseTorqueSettings(text);
  if (parsed.kind === 'settings') return parsed.settings;
  const lines = parsed.faults.map(({ line, message }) => `${path}:${line}: ${message}`);
  throw new CliError(exitCodes.config, 'badConfig', lines.join('\n'));
}

function nodeName(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(text))
    throw new InvalidArgumentError('It is no node’s name.');
  return text;
}
