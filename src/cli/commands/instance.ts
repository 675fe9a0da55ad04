import { type Command, InvalidArgumentError, Option } from 'commander';
import { phases, publicStates } from '../../model/instance.ts';
import { type AskOptions, askingCommand, type Session, showAnswer, someId } from '../session.ts';
import { renderChange, renderInstances, renderLaunched } from '../show/instances.ts';

export function addInstance(program: Command, session: Session): void {
  const instance = program.command('instance').description('the machines: list, launch, drain, terminate');
  addList(instance, session);
  addLaunch(instance, session);
  askingCommand(instance, 'drain', 'let an instance finish its jobs and take no more; then it ends')
    .argument('<id>', 'the instance', someId)
    .action(async (id: string, options: AskOptions) => {
      await showAnswer(session, options, (client) => client.drain(id), renderChange);
    });
  askingCommand(instance, 'undrain', 'let a draining instance take jobs again')
    .argument('<id>', 'the instance', someId)
    .action(async (id: string, options: AskOptions) => {
      await showAnswer(session, options, (client) => client.undrain(id), renderChange);
    });
  askingCommand(instance, 'terminate', 'end an instance: drained first, so that no job is lost')
    .argument('<id>', 'the instance', someId)
    .option('--force', 'end it now, whatever runs on it')
    .action(async (id: string, options: AskOptions & { force?: boolean }) => {
      const force = options.force === true;
      await showAnswer(session, options, (client) => client.terminate(id, force), renderChange);
    });
}

interface ListOptions extends AskOptions {
  readonly pool?: string;
  readonly cloud?: string;
  readonly offer?: string;
  readonly state?: string;
  readonly phase?: string;
  readonly ended?: boolean;
  readonly limit?: number;
}

function addList(instance: Command, session: Session): void {
  askingCommand(instance, 'list', 'the instances that have not ended, oldest first')
    .option('--pool <name>', 'only of this pool')
    .option('--cloud <name>', 'only on this cloud')
    .option('--offer <name>', 'only of this offer')
    .addOption(new Option('--state <state>', 'only in this state').choices(publicStates))
    .addOption(new Option('--phase <phase>', 'only in this phase').choices(phases))
    .option('--ended', 'the ended ones, too')
    .option('--limit <n>', 'so many at most', wholeNumber)
    .action(async (options: ListOptions) => {
      const { pool, cloud, offer, state, phase, ended, limit } = options;
      const query = { pool, cloud, offer, state, phase, ended, limit };
      await showAnswer(session, options, (client) => client.instances(query), renderInstances);
    });
}

interface LaunchOptions extends AskOptions {
  readonly offer?: string;
  readonly count: number;
  readonly note?: string;
}

function addLaunch(instance: Command, session: Session): void {
  askingCommand(instance, 'launch', "boot instances by hand, within the pool's bounds")
    .argument('<pool>', 'the pool that they belong to')
    .option('--offer <name>', "one of the pool's offers (default: the first that can be had)")
    .option('--count <n>', 'how many', wholeNumber, 1)
    .option('--note <text>', 'what for: kept in the journal')
    .action(async (pool: string, options: LaunchOptions) => {
      const order = { pool, offer: options.offer ?? null, count: options.count, note: options.note ?? null };
      await showAnswer(session, options, (client) => client.launch(order), renderLaunched);
    });
}

export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1 up.');
  return Number(text);
}
