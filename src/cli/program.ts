import { Command, CommanderError } from 'commander';
import { classadCommand } from './classad.ts';
import { addAccounting } from './commands/accounting.ts';
import { addExplain, addPlan, addStatus } from './commands/ask.ts';
import { addCloud } from './commands/cloud.ts';
import { addCompletion } from './commands/completion.ts';
import { addDowntime } from './commands/downtime.ts';
import { addEvents } from './commands/events.ts';
import { addInstance } from './commands/instance.ts';
import { addJournal } from './commands/journal.ts';
import { addLease } from './commands/lease.ts';
import { addPool } from './commands/pool.ts';
import { addReload } from './commands/reload.ts';
import { addCheck, addRun } from './commands/run.ts';
import { addSimulate } from './commands/simulate.ts';
import { addStore } from './commands/store.ts';
import { addTop } from './commands/top.ts';
import { addTorque } from './commands/torque.ts';
import type { CliDeps } from './deps.ts';
import { exitCodes } from './exit.ts';
import type { Session } from './session.ts';

/**
 * Runs one command line, without the program's name, and returns its exit code; never ends the process. What is
 * thrown is a fault of ours.
 */
export async function runCli(args: readonly string[], deps: CliDeps): Promise<number> {
  const session: Session = { deps, exitCode: exitCodes.ok };
  const program = buildProgram(session);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version, when asked for, are no error; commander has said the rest on stderr.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  return session.exitCode;
}

/** Every command; the actions leave their exit code in the session. */
export function buildProgram(session: Session): Command {
  const { stdout, stderr, version } = session.deps;
  const program = new Command('spillway')
    .description('boots machines on clouds when jobs wait in batch queues, reuses them, takes them down')
    .version(version, '--version', 'print the version')
    .helpCommand('help [command]', 'print the help of a command')
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'spillway: ')),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
    .exitOverride();
  program.addHelpText('after', exitCodeHelp);
  addRun(program, session);
  addCheck(program, session);
  addReload(program, session);
  addStatus(program, session);
  addTop(program, session);
  addPlan(program, session);
  addExplain(program, session);
  addInstance(program, session);
  addLease(program, session);
  addPool(program, session);
  addCloud(program, session);
  addDowntime(program, session);
  addJournal(program, session);
  addEvents(program, session);
  addAccounting(program, session);
  addStore(program, session);
  addTorque(program, session);
  addSimulate(program, session);
  addCompletion(program, session);
  classadCommand(program, { ...session.deps.classad, setExitCode: (code) => leave(session, code) });
  return program;
}

/** `classad` has two exit codes of its own: 0, and 2 for what cannot be read or parsed. */
function leave(session: Session, code: number): void {
  session.exitCode = code === 0 ? exitCodes.ok : exitCodes.usage;
}

const exitCodeHelp = `
Exit codes: 0 done, 1 refused or failed, 2 wrong command line, 3 config has errors,
4 no daemon answers, 5 not found, 6 not ready, 130 interrupted.`;
