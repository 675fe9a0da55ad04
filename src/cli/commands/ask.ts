import type { Command } from 'commander';
import { type AskOptions, askingCommand, type Session, showAnswer } from '../session.ts';
import { renderInstance, renderJob } from '../show/explain.ts';
import { renderPlan } from '../show/plan.ts';
import { renderStatus } from '../show/status.ts';

export function addStatus(program: Command, session: Session): void {
  askingCommand(
    program,
    'status',
    'queues, clouds and pools as the daemon sees them now, and what troubles it',
  ).action(async (options: AskOptions) => {
    await showAnswer(session, options, (client) => client.status(), renderStatus);
  });
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
    .argument('<id>', 'the job, as its queue names it')
    .action(async (id: string, options: AskOptions) => {
      await showAnswer(session, options, (client) => client.explainJob(id), renderJob);
    });
  askingCommand(
    explain,
    'instance',
    'why an instance was booted and why it ended; its record and its journal',
  )
    .argument('<id>', 'the instance, as in `instance list`')
    .action(async (id: string, options: AskOptions) => {
      await showAnswer(session, options, (client) => client.explainInstance(id), renderInstance);
    });
}
