/**
 * The Markdown of docs/cli.md as roff, in the macros of man(7). It knows what that page uses: paragraphs, indented examples,
 * tables, lists, `code`, **bold** and links.
 */

/** Text that roff takes as it is, but at the beginning of a line. */
export function plain(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('’', "'")
    .replaceAll('→', '\\(->')
    .replaceAll('×', '\\(mu');
}

export function bold(text: string): string {
  return `\\fB${plain(text)}\\fR`;
}

/** One line of Markdown without its blocks. */
export function inline(markdown: string): string {
  const pattern = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^)]+)\)/g;
  let out = '';
  let from = 0;
  for (const found of markdown.matchAll(pattern)) {
    const [whole, code, strong, emphasis, link] = found;
    out += plain(markdown.slice(from, found.index));
    if (code !== undefined || strong !== undefined) out += bold(code ?? strong ?? '');
    else if (emphasis !== undefined) out += `\\fI${plain(emphasis)}\\fR`;
    else out += plain((link ?? '').replaceAll('`', ''));
    from = found.index + whole.length;
  }
  return noMacro(out + plain(markdown.slice(from)));
}

/** A line that begins with a point is text all the same. */
function noMacro(line: string): string {
  return line.replace(/^(?=[.'])/, '\\&');
}

/** Blocks of Markdown, without headings. */
export function blocks(markdown: string): readonly string[] {
  return markdown
    .split(/\n{2,}/)
    .map((block) => block.replace(/^\n+|\s+$/g, ''))
    .filter((block) => block !== '')
    .flatMap(block);
}

function block(text: string): readonly string[] {
  const lines = text.split('\n');
  if (lines.every((line) => line.startsWith('    '))) return example(lines.map((line) => line.slice(4)));
  if (lines[0]?.startsWith('|') === true) return table(lines);
  const firstItem = lines.findIndex((line) => line.startsWith('- '));
  if (firstItem >= 0) return [...paragraph(lines.slice(0, firstItem)), ...list(lines.slice(firstItem))];
  return paragraph(lines);
}

export function example(lines: readonly string[]): readonly string[] {
  return ['.PP', '.nf', '.RS 4', ...lines.map((line) => noMacro(plain(line))), '.RE', '.fi'];
}

function paragraph(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['.PP', inline(lines.join(' '))];
}

function list(lines: readonly string[]): readonly string[] {
  const items: string[] = [];
  for (const line of lines) {
    if (line.startsWith('- ')) items.push(line.slice(2));
    else items.push(`${items.pop() ?? ''} ${line.trim()}`);
  }
  return items.flatMap((item) => ['.IP \\(bu 3', inline(item)]);
}

/** Its first column are the terms, the others what is said of them. */
function table(lines: readonly string[]): readonly string[] {
  const rows = lines.slice(2).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );
  return rows.flatMap(([term = '', ...rest]) => [
    '.TP',
    inline(term),
    inline(rest.filter((cell) => cell !== '').join('; ')),
  ]);
}
