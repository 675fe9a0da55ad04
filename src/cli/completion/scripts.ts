import { flatten, nameOf, type Outline, type OutlineOption } from './outline.ts';

/**
 * Scripts by which a shell completes the words of a command line. All three find the command that is being typed in the same
 * way: the words so far, without options, as long as they name one. They hold all that there is to be completed, so that
 * nothing is asked while somebody types.
 */
export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function completionScript(shell: Shell, program: Outline): string {
  switch (shell) {
    case 'bash':
      return bashScript(program);
    case 'zsh':
      return zshScript(program);
    case 'fish':
      return fishScript(program);
  }
}

function bashScript(program: Outline): string {
  const all = flatten(program);
  const cases = all.map(({ path, options, commands, arguments: args }) => {
    const words = [...commands.map(nameOf), ...options.flatMap(({ flags }) => flags)];
    const choices = args.flatMap((argument) => argument.choices);
    const files = args.some(({ isFile }) => isFile) ? ' files=yes' : '';
    return `    ${quoted(path)}) words=${quoted([...words, ...choices].join(' '))}${files} ;;`;
  });
  const values = all.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) => {
      if (value === null) return [];
      const action = value.isFile ? 'files=yes' : `words=${quoted(value.choices.join(' '))}`;
      return [`    ${flags.map((flag) => quoted(`${path} ${flag}`)).join(' | ')}) ${action}; value=yes ;;`];
    }),
  );
  return `# bash completion of spillway
_spillway() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local at='' word words='' files='' value='' number
  for ((number = 1; number < COMP_CWORD; number++)); do
    word="$at\${at:+ }\${COMP_WORDS[number]}"
    case $word in
      ${pathPattern(all)}) at=$word ;;
    esac
  done
  case "$at $previous" in
${values.join('\n')}
  esac
  if [ -z "$value" ]; then
    case $at in
${cases.join('\n')}
    esac
  fi
  COMPREPLY=()
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$current")
  if [ -n "$files" ] && [ "\${current:0:1}" != - ]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
  fi
}
complete -F _spillway spillway
`;
}

function zshScript(program: Outline): string {
  const all = flatten(program);
  const cases = all.map(({ path, options, commands, arguments: args }) => {
    const subs = commands.map((sub) => described(nameOf(sub), sub.description));
    const choices = args.flatMap((argument) => argument.choices.map((word) => described(word, '')));
    const flags = options.flatMap((option) =>
      option.flags.map((flag) => described(flag, option.description)),
    );
    const files = args.some(({ isFile }) => isFile) ? ' files=yes' : '';
    return `    (${quoted(path)}) words_here=(${[...subs, ...choices].join(' ')}) flags_here=(${flags.join(' ')})${files} ;;`;
  });
  const values = all.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) => {
      if (value === null) return [];
      const words = value.choices.map((word) => described(word, '')).join(' ');
      const action = value.isFile ? '_files' : `words_here=(${words}); _describe -t values value words_here`;
      return [`    (${flags.map((flag) => quoted(`${path} ${flag}`)).join('|')}) ${action}; return ;;`];
    }),
  );
  return `#compdef spillway
_spillway() {
  local at='' word previous=\${words[CURRENT-1]} files=''
  local -a words_here flags_here
  for word in \${words[2,CURRENT-1]}; do
    word="$at\${at:+ }$word"
    case $word in
      (${pathPattern(all)}) at=$word ;;
    esac
  done
  case "$at $previous" in
${values.join('\n')}
  esac
  case $at in
${cases.join('\n')}
  esac
  if (( $#words_here )); then _describe -t commands command words_here; fi
  if [[ -n $files && $PREFIX != -* ]]; then _files; fi
  if [[ $PREFIX == -* || ( $#words_here -eq 0 && -z $files ) ]]; then _describe -o -t options option flags_here; fi
}
if [[ $zsh_eval_context == *func ]]; then _spillway "$@"; else compdef _spillway spillway; fi
`;
}

function fishScript(program: Outline): string {
  const all = flatten(program);
  const lines = all.flatMap(({ path, options, commands, arguments: args }) => {
    const here = `complete -c spillway -n ${fishQuoted(`__spillway_at ${fishQuoted(path)}`)}`;
    return [
      ...commands.map((sub) => `${here} -a ${nameOf(sub)} -d ${fishQuoted(sub.description)}`),
      ...args.flatMap(({ choices }) => choices.map((word) => `${here} -a ${word}`)),
      ...(args.some(({ isFile }) => isFile) ? [`${here} -F`] : []),
      ...options.map((option) => `${here} ${fishOption(option)}`),
    ];
  });
  return `# fish completion of spillway
function __spillway_at --description 'Is this the command that is being typed?'
    set -l at
    for word in (commandline -opc)[2..-1]
        set -l longer (string trim -- "$at $word")
        contains -- "$longer" ${all.map(({ path }) => fishQuoted(path)).join(' ')}; and set at $longer
    end
    test "$at" = "$argv[1]"
end
complete -c spillway -f
${lines.join('\n')}
`;
}

function fishOption({ flags, value, description }: OutlineOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const takes = value === null ? [] : value.isFile ? ['-r -F'] : ['-x'];
  const choices =
    value === null || value.choices.length === 0 ? [] : [`-a ${fishQuoted(value.choices.join(' '))}`];
  return [...names, ...takes, ...choices, `-d ${fishQuoted(description)}`].join(' ');
}

/** The paths of all commands but the program itself, as alternatives of a shell's case. */
function pathPattern(all: readonly Outline[]): string {
  return all.flatMap(({ path }) => (path === '' ? [] : [quoted(path)])).join('|');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** As _describe of zsh reads it: a colon parts the word from what it means. */
function described(word: string, description: string): string {
  const text = word.replaceAll(':', '\\:');
  return quoted(description === '' ? text : `${text}:${description}`);
}
