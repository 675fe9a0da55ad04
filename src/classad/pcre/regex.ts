import { type MatchOptions, type MatchResult, search } from './match.ts';
import { RegexError, type RegexFlags } from './node.ts';
import { parseRegex } from './parse.ts';
import { assemble, type Program } from './program.ts';

export interface Regex {
  search(subject: string, options: MatchOptions): MatchResult;
}

/** Why a pattern cannot be used, for people. */
export interface BadRegex {
  readonly reason: string;
}

const rememberedMax = 256;
const remembered = new Map<string, Regex | BadRegex>();

/** The pattern, in bytes, ready for use; kept for the next time. */
export function regexOf(pattern: string, flags: RegexFlags): Regex | BadRegex {
  const key = `${flags.caseless ? 'i' : ''}${flags.multiline ? 'm' : ''}${flags.dotAll ? 's' : ''}${
    flags.extended ? 'x' : ''
  }/${pattern}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const made = make(pattern, flags);
  if (remembered.size >= rememberedMax) remembered.clear();
  remembered.set(key, made);
  return made;
}

function make(pattern: string, flags: RegexFlags): Regex | BadRegex {
  let program: Program;
  try {
    program = assemble(parseRegex(pattern, flags));
  } catch (error) {
    if (error instanceof RegexError) return { reason: error.message };
    throw error;
  }
  return { search: (subject, options) => search(program, subject, options) };
}

export function isUsable(regex: Regex | BadRegex): regex is Regex {
  return 'search' in regex;
}
