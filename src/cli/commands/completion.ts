import { Argument, type Command } from 'commander';
import { outlineOf } from '../completion/outline.ts';
import { completionScript, type Shell, shells } from '../completion/scripts.ts';
import type { Session } from '../session.ts';

export function addCompletion(program: Command, session: Session): void {
  program
    .command('completion')
    .description('print a script by which a shell completes the words of this command')
    .addArgument(new Argument('<shell>', 'whose script').choices(shells))
    .action((shell: Shell) => {
      session.deps.stdout.write(completionScript(shell, outlineOf(program)));
    });
}
