import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkTemplate,
  renderTemplate,
  TemplateError,
  templateVariablesOf,
} from '../../src/config/template.ts';

describe('a boot template', () => {
  it.each([
    ['no variables', 'plain { text } {', 'plain { text } {'],
    ['a variable', 'I am {{instance}}.', 'I am i-1.'],
    ['blanks in the braces', 'I am {{ instance }}.', 'I am i-1.'],
    ['a variable twice', '{{instance}} {{instance}}', 'i-1 i-1'],
    ['an empty value', '<{{nothing}}>', '<>'],
    ['braces as they are', 'echo \\{{ds.x}}', 'echo {{ds.x}}'],
    ['a dollar in a value', '{{dollars}}', "$& $1 $$ $'"],
    ['braces in a value, which are not read again', '{{braces}}', '{{instance}}'],
    ['lines, alone on a line', 'a:\n    {{lines}}\nb', 'a:\n    one\n    two\nb'],
    ['lines that end in one, alone on a line', '  {{ended}}\nb', '  one\n  two\n\nb'],
    ['lines in the middle of a line', 'a: {{lines}}', 'a: one\ntwo'],
    ['an empty line in a value', '  {{gap}}', '  one\n\n  two'],
  ])('%s', (_, template, text) => {
    const variables = {
      instance: 'i-1',
      nothing: '',
      dollars: "$& $1 $$ $'",
      braces: '{{instance}}',
      lines: 'one\ntwo',
      ended: 'one\ntwo\n',
      gap: 'one\n\ntwo',
    };
    expect(renderTemplate(template, variables)).toBe(text);
  });

  it.each([
    ['a\nb {{nope}}', '2:3: unknown variable {{nope}}'],
    ['{{toString}}', '1:1: unknown variable {{toString}}'],
    ['a {{instance', '1:3: a "{{" that is not closed on its line; write \\{{ for the braces themselves'],
    ['{{}}', '1:1: not a variable: {{}}; write \\{{ for the braces themselves'],
    ['{{a b}}', '1:1: not a variable: {{a b}}; write \\{{ for the braces themselves'],
  ])('%s is refused, with its place', (template, message) => {
    expect(() => renderTemplate(template, { instance: 'i-1' })).toThrow(new TemplateError(placed(message)));
    expect(
      checkTemplate(template, ['instance']).map(({ line, column, message: m }) => `${line}:${column}: ${m}`),
    ).toEqual([message]);
  });

  it('says all that is wrong with it, and which variables it uses', () => {
    expect(checkTemplate('{{a}} {{b}}\n{{c}}', ['b']).map(({ message }) => message)).toEqual([
      'unknown variable {{a}}',
      'unknown variable {{c}}',
    ]);
    expect(templateVariablesOf('{{a}} {{ b }} {{a}} \\{{c}} {{d')).toEqual(['a', 'b']);
  });

  it('that passes the check is rendered, and one that does not is not', () => {
    const pieces = fc.constantFrom(
      '{{',
      '}}',
      '{',
      '}',
      '\\',
      '{{x}}',
      '{{ y }}',
      '\\{{',
      'x',
      '\n',
      ' ',
      '$&',
    );
    fc.assert(
      fc.property(
        fc.array(pieces).map((parts) => parts.join('')),
        (template) => {
          const render = () => renderTemplate(template, { x: '1\n2' });
          if (checkTemplate(template, ['x']).length === 0) expect(render).not.toThrow();
          else expect(render).toThrow(TemplateError);
        },
      ),
    );
  });

  it.each(readdirSync(new URL('../../config/user-data/', import.meta.url)))('%s is good', (name) => {
    const text = readFileSync(new URL(`../../config/user-data/${name}`, import.meta.url), 'utf8');
    expect(checkTemplate(text, templateVariablesOf(text))).toEqual([]);
    expect(templateVariablesOf(text)).toContain('instance');
  });
});

function placed(text: string): { line: number; column: number; message: string } {
  const [, line, column, message = ''] = /^(\d+):(\d+): (.*)$/s.exec(text) ?? [];
  return { line: Number(line), column: Number(column), message };
}
