import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type AskOptions,
  askingCommand,
  repeatAnswer,
  type Session,
  showAnswer,
  showAnswerToUsers,
  someId,
  writeLines,
} from '../session.ts';
import { renderInstance, renderJob } from '../show/explain.ts';
import { renderPlan } from '../show/plan.ts';
import { renderStatus } from '../show/status.ts';

interface StatusOptions extends AskOptions {
  /** Seconds. */
  readonly watch?: number;
}

const watchSeconds = 2;
const clearScreen = '\u001b[H\u001b[2J';

export function addStatus(program: Command, session: Session): void {
  askingCommand(
    program,
    'status',
    'queues, clouds and pools as the daemon sees them now, and what troubles it',
  )
    .addOption(
      new Option('--watch [seconds]', 'again and again, until interrupted')
        .preset(String(watchSeconds))
        .argParser(seconds)
        .conflicts('json'),
    )
    .action(async (options: StatusOptions) => {
      if (options.watch === undefined) {
        await showAnswerToUsers(session, options, (client) => client.status(), renderStatus);
        return;
      }
      const { stdout } = session.deps;
      await repeatAnswer(session, options, options.watch * 1000, async (client, style) => {
        const lines = renderStatus(await client.status(), style);
        if (stdout.isTTY) stdout.write(clearScreen);
        writeLines(stdout, stdout.isTTY ? lines : [...lines, '']);
      });
    });
}

function seconds(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= 0.1 && value <= 3600) return value;
  throw new InvalidArgumentError('It is a number of seconds from 0.1 to 3600.');
}

export function addPlan(program: Command, session: Session): void {
  askingCommand(
    program,
    'plan',
    'what the daemon would do now and why, and what becomes of each group of waiting jobs; does nothing',
  ).action(async (options: AskOptions) => {
    await showAnswer(session, options, (client) => client.plan(), renderPlan);
  });
}

export function addExplain(program: Command, session: Session): void {
  const explain = program.command('explain').description('why a job waits, why an instance is as it is');
  askingCommand(
    explain,
    'job',
    'why a job waits: which offers it cannot have and by which clause, what is next',
  )
    .argument('<id>', 'the job, as its queue names it', someId)
    .action(async (id: string, options: AskOptions) => {
      await showAnswerToUsers(session, options, (client) => client.explainJob(id), renderJob);
    });
  askingCommand(
    explain,
    'instance',
    'why an instance was booted and why it ended; its record and its journal',
  )
    .argument('<id>', 'the instance, as in `instance list`', someId)
    .action(async (id: string, options: AskOptions) => {
      await showAnswer(session, options, (client) => client.explainInstance(id), renderInstance);
    });
}
