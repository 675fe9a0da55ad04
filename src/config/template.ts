/**
 * Boot templates: plain text with `{{name}}` (blanks inside the braces are allowed) for what differs from machine to
 * machine. A variable that stands alone on its line may have several lines; each gets that line's indentation, so
 * that a value fits into a block of YAML. `\{{` stands for two braces as they are. Nothing else is special.
 */

/** Larger than any cloud's user data. */
export const templateBytesMax = 256 * 1024;

/** Variables of every machine, whatever its queue; the queue's adapter adds its own (`templateVariables`). */
export const machineVariables = [
  'instance',
  'pool',
  'site',
  'offer',
  'cpus',
  'memoryMiB',
  'diskMiB',
  'gpus',
] as const;

export interface TemplateFinding {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export class TemplateError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(finding: TemplateFinding) {
    super(`${finding.line}:${finding.column}: ${finding.message}`);
    this.name = 'TemplateError';
    this.line = finding.line;
    this.column = finding.column;
  }
}

const tag = /\\\{\{|\{\{([^}]*)(\}\}|$)?/gm;
const variableName = /^[A-Za-z][A-Za-z0-9]*$/;

/** What is wrong with a template for which these variables will be there; empty if nothing is. */
export function checkTemplate(text: string, known: Iterable<string>): readonly TemplateFinding[] {
  const names = new Set(known);
  const findings: TemplateFinding[] = [];
  for (const match of text.matchAll(tag)) {
    const message = faultOf(match, (name) => names.has(name));
    if (message !== null) findings.push({ ...placeOf(text, match.index), message });
  }
  return findings;
}

/** Names of the variables that a template uses, each once. */
export function templateVariablesOf(text: string): readonly string[] {
  const names = [...text.matchAll(tag)].map(nameOf).filter((name) => name !== null);
  return [...new Set(names)];
}

/** Fills in. Throws TemplateError, which never quotes a value, for an unknown variable or a brace left open. */
export function renderTemplate(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(tag, (...args: unknown[]) => {
    const [whole, inner, close] = args as [string, string | undefined, string | undefined];
    const index = args.find((arg): arg is number => typeof arg === 'number') ?? 0;
    const name = nameOf([whole, inner, close]);
    if (name === null && whole.startsWith('\\')) return '{{';
    const fault = faultOf([whole, inner, close], (known) => Object.hasOwn(variables, known));
    if (fault !== null || name === null) {
      throw new TemplateError({ ...placeOf(text, index), message: fault ?? 'no variable' });
    }
    return indented(variables[name] ?? '', text, index, whole.length);
  });
}

type TagMatch = readonly (string | undefined)[];

function nameOf([whole, inner, close]: TagMatch): string | null {
  const name = (inner ?? '').trim();
  return whole?.startsWith('{{') === true && close === '}}' && variableName.test(name) ? name : null;
}

function faultOf(match: TagMatch, isKnown: (name: string) => boolean): string | null {
  const [whole = '', inner = '', close] = match;
  if (whole.startsWith('\\')) return null;
  if (close !== '}}') return 'a "{{" that is not closed on its line; write \\{{ for the braces themselves';
  const name = nameOf(match);
  if (name === null) return `not a variable: {{${inner.slice(0, 40)}}}; write \\{{ for the braces themselves`;
  return isKnown(name) ? null : `unknown variable {{${name}}}`;
}

function indented(value: string, text: string, index: number, length: number): string {
  if (!value.includes('\n')) return value;
  const lineStart = text.lastIndexOf('\n', index - 1) + 1;
  const before = text.slice(lineStart, index);
  const after = text.slice(index + length).split('\n', 1)[0] ?? '';
  const alone = before.trim() === '' && after.trim() === '';
  return alone ? value.replaceAll(/\n(?!\n|$)/g, `\n${before}`) : value;
}

function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}
