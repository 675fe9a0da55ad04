import { type Command, InvalidArgumentError } from 'commander';
import { type AskOptions, askingCommand, type Session, showAnswer, someId } from '../session.ts';
import { renderPoolChange } from '../show/pool.ts';

export function addPool(program: Command, session: Session): void {
  const pool = program.command('pool').description('the pools: pause, resume, scale by hand');
  askingCommand(pool, 'pause', 'launch no machine for a pool, whatever asks for one, until it is resumed')
    .argument('<name>', 'the pool', someId)
    .action(async (name: string, options: AskOptions) => {
      await showAnswer(session, options, (client) => client.pausePool(name), renderPoolChange);
    });
  askingCommand(pool, 'resume', 'let a paused pool have new machines again')
    .argument('<name>', 'the pool', someId)
    .action(async (name: string, options: AskOptions) => {
      await showAnswer(session, options, (client) => client.resumePool(name), renderPoolChange);
    });
  addScale(pool, session);
}

/** Null: as the config says. An object, as commander makes an empty text of a parsed null. */
interface Bound {
  readonly to: number | null;
}

interface ScaleOptions extends AskOptions {
  readonly min?: Bound;
  readonly max?: Bound;
}

function addScale(pool: Command, session: Session): void {
  askingCommand(pool, 'scale', "set a pool's min and max over what its config says")
    .argument('<name>', 'the pool', someId)
    .option('--min <n|config>', 'at least so many machines; `config`: as the config says', bound)
    .option('--max <n|config>', 'at most so many machines; `config`: as the config says', bound)
    .action(async (name: string, options: ScaleOptions) => {
      const bounds = {
        ...(options.min === undefined ? {} : { min: options.min.to }),
        ...(options.max === undefined ? {} : { max: options.max.to }),
      };
      await showAnswer(session, options, (client) => client.scalePool(name, bounds), renderPoolChange);
    });
}

function bound(text: string): Bound {
  if (text === 'config') return { to: null };
  if (/^(?:0|[1-9]\d{0,5})$/.test(text)) return { to: Number(text) };
  throw new InvalidArgumentError('It is a whole number, or `config`.');
}
