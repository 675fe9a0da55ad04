import { flatten, nameOf, type Outline, type OutlineOption } from '../../src/cli/completion/outline.ts';
import { blocks, bold, inline, plain } from './roff.ts';

export interface ManualSource {
  readonly program: Outline;
  readonly version: string;
  /** docs/cli.md. */
  readonly reference: string;
}

/**
 * The manual: spillway(1), and a page for each command with those below it. What commands and options there are says the
 * program; what they do, docs/cli.md.
 */
export function manual({ program, version, reference }: ManualSource): ReadonlyMap<string, string> {
  const sections = sectionsOf(reference);
  const pages = program.commands.map((command) => [`spillway-${nameOf(command)}`, command] as const);
  const title = (name: string) => `.TH ${name.toUpperCase()} 1 "" "Spillway ${plain(version)}" "Spillway"`;
  return new Map([
    ['spillway.1', page([title('spillway'), ...overview(program, sections)])],
    ...pages.map(
      ([name, command]) =>
        [`${name}.1`, page([title(name), ...commandPage(name, command, sections)])] as const,
    ),
  ]);
}

/** A heading begins a paragraph by itself. */
function page(lines: readonly string[]): string {
  const kept = lines.filter((line, at) => line !== '.PP' || !/^\.S[HS] /.test(lines[at - 1] ?? ''));
  return `${kept.join('\n')}\n`;
}

type Sections = ReadonlyMap<string, string>;

function sectionsOf(reference: string): Sections {
  return new Map(
    reference.split(/^## /m).map((text) => {
      const at = text.indexOf('\n');
      return [text.slice(0, at), text.slice(at + 1)] as const;
    }),
  );
}

function section(sections: Sections, title: string): string {
  const text = sections.get(title);
  if (text === undefined) throw new Error(`docs/cli.md has no section "${title}"`);
  return text;
}

function overview(program: Outline, sections: Sections): readonly string[] {
  const documented = flatten(program).filter(({ path }) => sections.has(`spillway ${path}`));
  return [
    '.SH NAME',
    `spillway \\- ${plain(program.description)}`,
    '.SH SYNOPSIS',
    `${bold('spillway')} \\fIcommand\\fR [\\fIoptions\\fR]`,
    '.br',
    `${bold('spillway')} help [\\fIcommand\\fR]`,
    '.br',
    `${bold('spillway')} \\-\\-version`,
    '.SH DESCRIPTION',
    ...blocks(introduction(sections)),
    '.SH COMMANDS',
    ...documented.flatMap(({ path, description }) => ['.TP', bold(path), plain(description)]),
    '.SH COMMON OPTIONS',
    ...blocks(section(sections, 'Common to all')),
    '.SH EXIT STATUS',
    ...blocks(section(sections, 'Exit codes')),
    '.SH FILES',
    '.TP',
    '\\fI/etc/spillway/site.yaml\\fR',
    'the configuration that the service runs',
    '.TP',
    '\\fI/run/spillway/spillway.sock\\fR',
    'where the daemon is asked',
    '.TP',
    '\\fI/var/lib/spillway/spillway.db\\fR',
    "the daemon's memory",
    '.SH SEE ALSO',
    program.commands.map((command) => `${bold(`spillway-${nameOf(command)}`)}(1)`).join(', '),
  ];
}

/** What stands before the first section, without the page's title and its examples. */
function introduction(sections: Sections): string {
  const [first = ''] = [...sections.values()];
  return first.split('\n\n')[0] ?? '';
}

function commandPage(name: string, command: Outline, sections: Sections): readonly string[] {
  const documented = flatten(command).filter(({ path }) => sections.has(`spillway ${path}`));
  const several = documented.length > 1;
  return [
    '.SH NAME',
    `${plain(name)} \\- ${plain(command.description)}`,
    '.SH SYNOPSIS',
    '.nf',
    ...documented.flatMap(({ path }) => synopsis(section(sections, `spillway ${path}`)).map(plain)),
    '.fi',
    '.SH DESCRIPTION',
    ...documented.flatMap((each) => [
      ...(several ? [`.SS spillway ${plain(each.path)}`] : []),
      ...blocks(withoutSynopsis(section(sections, `spillway ${each.path}`))),
      ...ownOptions(each),
    ]),
    '.SH SEE ALSO',
    `${bold('spillway')}(1): options that are common to all commands, and exit codes`,
  ];
}

/** What spillway(1) says of all commands is not said of each. */
const common: ReadonlySet<string> = new Set(['--socket', '--url', '--token', '--ca', '--json', '--help']);

function ownOptions({ path, options }: Outline): readonly string[] {
  const own = options.filter(({ flags }) => path === 'run' || !flags.some((flag) => common.has(flag)));
  return own.length === 0 ? [] : ['.PP', 'Options:', ...own.flatMap(option)];
}

function option({ usage, description, value }: OutlineOption): readonly string[] {
  const choices = value === null || value.choices.length === 0 ? '' : ` (${value.choices.join(', ')})`;
  return ['.TP', bold(usage), inline(`${description}${choices}`)];
}

/** The indented lines with which a section begins. */
function synopsis(text: string): readonly string[] {
  const [block = ''] = text.replace(/^\n+/, '').split('\n\n');
  return block.split('\n').map((line) => line.replace(/^ {4}/, ''));
}

function withoutSynopsis(text: string): string {
  return text.replace(/^\n+/, '').split('\n\n').slice(1).join('\n\n');
}
