import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createStyle, printable, renderTable } from '../../src/cli/table.ts';
import { anyText } from '../support/anyText.ts';

const plain = createStyle(false);

test('columns are as wide as what is in them, numbers to the right', () => {
  const columns = [{ header: 'A' }, { header: 'COUNT', align: 'right' } as const, { header: 'LAST' }];
  const rows = [
    ['wide cell', 7, 'x'],
    ['', 1234567, ''],
  ];
  expect(renderTable(columns, rows, plain)).toEqual([
    'A            COUNT  LAST',
    'wide cell        7  x',
    '           1234567  ',
  ]);
});

test('wide and combining characters count as a terminal shows them', () => {
  const columns = [{ header: 'N' }, { header: 'X' }];
  expect(
    renderTable(
      columns,
      [
        ['日本', 'x'],
        ['e\u0301', 'x'],
        ['🚀', 'x'],
      ],
      plain,
    ),
  ).toEqual(['N     X', '日本  x', 'e\u0301     x', '🚀    x']);
});

test('what is printed has no control or format character, and text without them is left as it is', () => {
  fc.assert(
    fc.property(anyText(40), (text) => {
      expect(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(printable(text))).toBe(false);
    }),
  );
  expect(printable('naïve 日本 🚀')).toBe('naïve 日本 🚀');
});

test('every line of a table ends in the same column, but for its last cell', () => {
  const cell = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 8 }), (rows) => {
      const columns = [{ header: 'FIRST' }, { header: 'SECOND', align: 'right' } as const];
      const widths = renderTable(columns, rows, plain).map((line) => line.length);
      expect(new Set(widths).size).toBe(1);
    }),
  );
});
