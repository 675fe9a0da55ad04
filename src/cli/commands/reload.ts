import type { Command } from 'commander';
import type { ReloadReceipt } from '../../api/reload.ts';
import { describeChange } from '../../config/diff.ts';
import { formatProblem } from '../../config/problem.ts';
import { exitCodes } from '../exit.ts';
import { type AskOptions, askingCommand, reportErrors, type Session, show, withDaemon } from '../session.ts';
import { printable, type Style } from '../table.ts';

export function addReload(program: Command, session: Session): void {
  askingCommand(
    program,
    'reload',
    'have the daemon read its configuration again: a bad one changes nothing, a good one holds from then on',
  ).action(async (options: AskOptions) => {
    await reportErrors(session, options, async () => {
      const receipt = await withDaemon(session, options, (client) => client.reload());
      if (receipt.outcome === 'refused') session.exitCode = exitCodes.config;
      if (receipt.outcome === 'failed') session.exitCode = exitCodes.failed;
      show(session, options, receipt, renderReload);
    });
  });
}

export function renderReload(receipt: ReloadReceipt, style: Style): readonly string[] {
  const { outcome, path, problems, changes, retiring, next } = receipt;
  const isGood = outcome === 'applied' || outcome === 'unchanged';
  const head = `${path}: ${outcome}: ${next}`;
  return [
    ...problems.map((problem) => {
      const text = printable(formatProblem(problem));
      return problem.severity === 'error' ? style.red(text) : style.yellow(text);
    }),
    ...changes.map((change) => printable(describeChange(change))),
    ...retiring.map((clause) => style.yellow(printable(clause))),
    isGood ? printable(head) : style.red(printable(head)),
  ];
}
