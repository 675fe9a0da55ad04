export const syntaxErrorCodes = [
  'unexpectedToken',
  'unexpectedEnd',
  'badCharacter',
  'badNumber',
  'badString',
  'badTime',
  'tooDeep',
  'tooLarge',
  'badForm',
] as const;
export type SyntaxErrorCode = (typeof syntaxErrorCodes)[number];

export interface SyntaxErrorFields {
  readonly code: SyntaxErrorCode;
  readonly text: string;
  /** In UTF-16 units from the start of the text. */
  readonly offset: number;
  readonly message: string;
  readonly expected?: readonly string[];
}

const shownMax = 100;

/** Text that is no expression or no ad. Line and column count from 1; the column counts UTF-16 units. */
export class ClassAdSyntaxError extends Error {
  readonly code: SyntaxErrorCode;
  readonly line: number;
  readonly column: number;
  readonly offset: number;
  /** What is wrong, without the place and what was expected. */
  readonly reason: string;
  /** What could have stood there, for people; may be empty. */
  readonly expected: readonly string[];
  /** The offending line, shortened around the place, with a caret below. */
  readonly caret: string;

  constructor(fields: SyntaxErrorFields) {
    const { text, offset } = fields;
    const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
    let line = 1;
    for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
    const column = offset - lineStart + 1;
    const expected = fields.expected ?? [];
    const wanted = expected.length === 0 ? '' : `, expected ${expected.join(' or ')}`;
    super(`${line}:${column}: ${fields.message}${wanted}`);
    this.name = 'ClassAdSyntaxError';
    this.code = fields.code;
    this.line = line;
    this.column = column;
    this.offset = offset;
    this.reason = fields.message;
    this.expected = expected;
    this.caret = caretOf(text, lineStart, offset);
  }

  /** Message, line and caret, on three lines. */
  render(): string {
    return `${this.message}\n${this.caret}`;
  }
}

function caretOf(text: string, lineStart: number, offset: number): string {
  const newline = text.indexOf('\n', offset);
  const lineEnd = newline < 0 ? text.length : newline;
  const from = Math.max(lineStart, offset - shownMax / 2);
  const to = Math.min(lineEnd, from + shownMax);
  const shown = text.slice(from, to).replaceAll(/[\t\r\v\f]/g, ' ');
  return `${shown}\n${' '.repeat(offset - from)}^`;
}
