import type { Argument, Command, Option } from 'commander';

/** What a shell completes, and a manual page lists: one command of the program, with those below it. */
export interface Outline {
  /** As it is typed, without the program's own name: `instance list`; the program itself: ``. */
  readonly path: string;
  readonly description: string;
  readonly options: readonly OutlineOption[];
  readonly arguments: readonly OutlineValue[];
  readonly commands: readonly Outline[];
}

export interface OutlineOption {
  /** `--pool`; and `-p`, if it has one. */
  readonly flags: readonly string[];
  /** As help shows it: `--pool <name>`. */
  readonly usage: string;
  readonly description: string;
  /** Null: it takes none. */
  readonly value: OutlineValue | null;
}

export interface OutlineValue {
  readonly name: string;
  readonly description: string;
  readonly choices: readonly string[];
  /** A file of this host. */
  readonly isFile: boolean;
}

/** Names of arguments and values that are files. */
const fileNames: ReadonlySet<string> = new Set([
  'config',
  'file',
  'path',
  'left',
  'right',
  'job',
  'offers',
  'ad',
  'target',
]);

export function outlineOf(command: Command): Outline {
  const path = pathOf(command);
  const help: OutlineOption = {
    flags: ['--help', '-h'],
    usage: '-h, --help',
    description: 'print its help',
    value: null,
  };
  const argumentsAreFiles = path.startsWith('classad ') || !path.startsWith('explain');
  return {
    path,
    description: command.description(),
    options: [...command.options.filter(({ hidden }) => !hidden).map(optionOf), help],
    arguments: command.registeredArguments.map((argument) => argumentOf(argument, argumentsAreFiles)),
    commands: command.commands.map(outlineOf),
  };
}

/** A command and all below it, in the order in which help shows them. */
export function flatten(outline: Outline): readonly Outline[] {
  return [outline, ...outline.commands.flatMap(flatten)];
}

/** The last word of its path. */
export function nameOf({ path }: Outline): string {
  return path.split(' ').at(-1) ?? '';
}

function pathOf(command: Command): string {
  if (command.parent === null) return '';
  return `${pathOf(command.parent)} ${command.name()}`.trim();
}

function optionOf(option: Option): OutlineOption {
  const flags = [option.long, option.short].filter((flag) => flag !== undefined && flag !== null);
  const takesValue = option.required || option.optional;
  const name = /[<[]([^>\].]+)/.exec(option.flags)?.[1] ?? '';
  return {
    flags,
    usage: option.flags,
    description: option.description,
    value: takesValue ? takenValue(name, '', option.argChoices ?? [], true) : null,
  };
}

function argumentOf(argument: Argument, mayBeFile: boolean): OutlineValue {
  return takenValue(argument.name(), argument.description, argument.argChoices ?? [], mayBeFile);
}

function takenValue(
  name: string,
  description: string,
  choices: readonly string[],
  mayBeFile: boolean,
): OutlineValue {
  return { name, description, choices, isFile: mayBeFile && choices.length === 0 && fileNames.has(name) };
}
