import {
  CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import type { FieldPath, Position, Problem } from './problem.ts';

/** Deeper nesting is no config, and would exhaust the parser's stack. */
const flowDepthMax = 32;
const indentColumnsMax = 120;
const aliasesMax = 100;

/** Tokens by which the lexer speaks to the parser: they are not in the text. */
const lexerMarks: ReadonlySet<string> = new Set([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR]);

/** A YAML text and where each of its fields stands. */
export interface YamlSource {
  readonly file: string;
  /** Plain values; null for an empty document. */
  readonly data: unknown;
  /**
   * Where a field stands: its value, or with `key` its name. For a field that is not there: the nearest thing
   * around it that is.
   */
  position(path: FieldPath, what?: 'key' | 'value'): Position;
}

/** What the parser's codes mean to a person; its own words for the rest. */
const syntaxMessages: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab cannot indent; use spaces',
  MULTIPLE_DOCS: 'a second document begins here ("---"); a config is one document',
  BAD_INDENT: 'wrong indentation, or a bracket that is not closed',
  BLOCK_AS_IMPLICIT_KEY:
    'a field cannot begin inside the value of another; quote the text or indent the line',
};

/** YAML 1.2 → data, or every syntax error. `source` is null where nothing can be said about the fields. */
export function readYaml(
  file: string,
  text: string,
): { readonly source: YamlSource | null; readonly problems: readonly Problem[] } {
  const lines = new LineCounter();
  const problems: Problem[] = [];
  const report = (offset: number, message: string, path = '') => {
    const { line, col } = lines.linePos(offset);
    problems.push({ severity: 'error', file, line, column: col, path, message });
  };

  const tooDeepAt = findTooDeep(text);
  if (tooDeepAt !== null) {
    const { line, column } = positionInText(text, tooDeepAt);
    return {
      source: null,
      problems: [{ severity: 'error', file, line, column, path: '', message: 'nested too deep' }],
    };
  }

  const doc = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    version: '1.2',
    uniqueKeys: true,
  });
  let broken = false;
  for (const { code, message, pos } of doc.errors) {
    if (code === 'DUPLICATE_KEY') {
      report(pos[0], `the field ${JSON.stringify(keyAt(text, pos))} is given twice`);
      continue;
    }
    // One broken place draws a trail of follow-up errors behind it: the first says it.
    if (!broken) report(pos[0], syntaxMessage(code, message));
    broken = true;
  }
  for (const { code, message, pos } of doc.warnings) {
    report(
      pos[0],
      code === 'TAG_RESOLVE_FAILED' ? 'tags (a word after "!") are not used here' : lowerFirst(message),
    );
    broken = true;
  }
  if (doc.directives.yaml.version !== '1.2') {
    report(0, 'only YAML 1.2 is read; drop the %YAML line');
    broken = true;
  }
  if (broken) return { source: null, problems };

  const badAlias = findBadAlias(doc);
  if (badAlias !== null) {
    report(badAlias.offset, badAlias.wrong);
    return { source: null, problems };
  }
  try {
    const data: unknown = doc.toJS({ maxAliasCount: aliasesMax });
    return { source: { file, data, position: locator(doc, lines) }, problems };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    report(0, 'the aliases stand for too much text');
    return { source: null, problems };
  }
}

/** Line and column, from 1, of an offset in a text. */
export function positionInText(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}

/** What is wrong with the aliases, and where: unknown, circular or more than a config can want. */
function findBadAlias(doc: Document.Parsed): { readonly offset: number; readonly wrong: string } | null {
  let count = 0;
  let bad: { offset: number; wrong: string } | null = null;
  visit(doc, {
    Alias: (_key, node, path) => {
      count += 1;
      const target = node.resolve(doc);
      const wrong =
        target === undefined
          ? `no anchor "&${node.source}" before the alias "*${node.source}"`
          : path.includes(target)
            ? `the alias "*${node.source}" stands inside its own anchor`
            : count > aliasesMax
              ? `more than ${aliasesMax} aliases`
              : null;
      if (wrong === null) return undefined;
      bad = { offset: startOf(node) ?? 0, wrong };
      return visit.BREAK;
    },
  });
  return bad;
}

function locator(doc: Document.Parsed, lines: LineCounter): YamlSource['position'] {
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  return (path, what = 'value') => {
    let node: unknown = doc.contents;
    let best = startOf(node) ?? 0;
    for (const [depth, step] of path.entries()) {
      if (isAlias(node)) node = node.resolve(doc);
      if (isSeq(node) && typeof step === 'number') {
        node = node.items[step];
        best = startOf(node) ?? best;
      } else if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
        if (pair === undefined) break;
        node = pair.value;
        const key = startOf(pair.key) ?? best;
        const last = depth === path.length - 1;
        // A map's own start is its first field; the name of the field that holds it says more.
        const byKey = (last && what === 'key') || isEmpty(node) || !last || isMap(node) || isSeq(node);
        best = byKey ? key : (startOf(node) ?? key);
      } else {
        break;
      }
    }
    return at(best);
  };
}

function startOf(node: unknown): number | null {
  const range = (node as Node | null | undefined)?.range;
  return range === null || range === undefined ? null : range[0];
}

function isEmpty(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null && node.source === '');
}

/** Offset of the first place that is nested deeper than any config: found by the lexer, which does not recurse. */
function findTooDeep(text: string): number | null {
  let offset = 0;
  let flowDepth = 0;
  let lineIndent: number | null = 0;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (type === 'flow-map-start' || type === 'flow-seq-start') flowDepth += 1;
    if (type === 'flow-map-end' || type === 'flow-seq-end') flowDepth -= 1;
    if (type === 'newline') lineIndent = 0;
    else if (type === 'space' || type === 'seq-item-ind' || type === 'explicit-key-ind') {
      if (lineIndent !== null) lineIndent += token.length;
    } else if (type !== 'doc-mode' && type !== 'byte-order-mark' && type !== 'comment') {
      if (lineIndent !== null && lineIndent > indentColumnsMax) return offset;
      lineIndent = null;
    }
    if (flowDepth > flowDepthMax || (lineIndent ?? 0) > 2 * indentColumnsMax) return offset;
    if (!lexerMarks.has(token)) offset += token.length;
  }
  return null;
}

function keyAt(text: string, [start, end]: readonly [number, number]): string {
  const [word = ''] = /^[^\s:,{}[\]]*/.exec(text.slice(start, Math.max(end, start + 60))) ?? [];
  return word;
}

function syntaxMessage(code: string, message: string): string {
  if (code === 'MISSING_CHAR' && message.endsWith('quote')) return 'a quote that is not closed';
  return syntaxMessages[code] ?? lowerFirst(message);
}

function lowerFirst(message: string): string {
  return message.slice(0, 1).toLowerCase() + message.slice(1);
}
