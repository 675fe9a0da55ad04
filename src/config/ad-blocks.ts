import type { Expr } from '../classad/expr.ts';
import { parseExpression } from '../classad/parse.ts';
import { ClassAdSyntaxError } from '../classad/syntaxError.ts';
import { kindOf, numberOf, stringOf } from '../classad/value.ts';
import { syntaxFault } from './offers.ts';
import type { Report } from './report.ts';

/** The lines of a provider-ad file: blocks of `Name = value`, a blank line between two, `#` for comments. */

const attributesMax = 500;

/** Stands for an expression that is more than a value. */
export const notPlain = Symbol('expression');

export interface Attribute {
  readonly name: string;
  readonly expr: Expr;
  readonly line: number;
  readonly nameColumn: number;
  readonly valueColumn: number;
}

/** One block, its attributes by their names in lower case. */
export interface Block {
  readonly line: number;
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** Names, in lower case, of lines that could not be read. */
  readonly broken: ReadonlySet<string>;
}

/** The blocks of a provider-ad file, as far as their lines can be read; what cannot goes to the report. */
export function readBlocks(file: string, text: string, report: Report): readonly Block[] {
  const blocks: Block[] = [];
  let attributes: Map<string, Attribute> | null = null;
  let broken = new Set<string>();
  for (const [index, row] of text.split('\n').entries()) {
    const line = index + 1;
    const content = row.replace(/\r$/, '');
    if (content.trim() === '') {
      attributes = null;
      continue;
    }
    if (content.trimStart().startsWith('#')) continue;
    if (attributes === null) {
      attributes = new Map();
      broken = new Set();
      blocks.push({ line, attributes, broken });
    }
    const attribute = readLine(file, content, line, report);
    if (typeof attribute === 'string') {
      broken.add(attribute.toLowerCase());
      continue;
    }
    const lower = attribute.name.toLowerCase();
    const place = { file, line, column: attribute.nameColumn, path: attribute.name };
    const earlier = attributes.get(lower);
    if (earlier !== undefined) report.add('error', place, `is given twice (first in line ${earlier.line})`);
    else if (attributes.size >= attributesMax)
      report.add('error', place, `more than ${attributesMax} attributes in one ad`);
    else attributes.set(lower, attribute);
  }
  return blocks;
}

/** An attribute, or the name in front of a value that is none; empty if there is no name either. */
function readLine(file: string, content: string, line: number, report: Report): Attribute | string {
  const match = /^(\s*)([A-Za-z_]\w*)(\s*=\s*)(?!=)(\S.*)$/.exec(content);
  if (match === null) {
    const column = content.length - content.trimStart().length + 1;
    const bare = content.trimStart();
    const hint = bare.startsWith('[') ? '; an ad in brackets is not read here' : '';
    report.add('error', { file, line, column, path: '' }, `expected Name = value${hint}`);
    return '';
  }
  const [, indent = '', name = '', equals = '', value = ''] = match;
  const nameColumn = indent.length + 1;
  const valueColumn = nameColumn + name.length + equals.length;
  try {
    return {
      name,
      expr: parseExpression(value, { syntax: 'old', depthMax: 100 }),
      line,
      nameColumn,
      valueColumn,
    };
  } catch (error) {
    if (!(error instanceof ClassAdSyntaxError)) throw error;
    const place = { file, line, column: valueColumn + error.offset, path: name };
    report.add('error', place, `not a ClassAd expression: ${syntaxFault(error)}`);
    return name;
  }
}

/** What a literal, a list or an ad of such stands for; `notPlain` for an expression, undefined for none. */
export function plainOf(expr: Expr | undefined): unknown {
  if (expr === undefined) return undefined;
  if (expr.kind === 'parentheses') return plainOf(expr.inner);
  if (expr.kind === 'list') {
    const items = expr.items.map(plainOf);
    return items.includes(notPlain) ? notPlain : items;
  }
  if (expr.kind === 'ad') {
    const entries = expr.ad.names().map((name) => [name, plainOf(expr.ad.get(name))] as const);
    return entries.some(([, value]) => value === notPlain) ? notPlain : Object.fromEntries(entries);
  }
  if (expr.kind !== 'literal') return notPlain;
  switch (kindOf(expr.value)) {
    case 'string':
      return stringOf(expr.value);
    case 'boolean':
      return expr.value === true;
    case 'integer':
    case 'real':
      return numberOf(expr.value);
    default:
      return notPlain;
  }
}
