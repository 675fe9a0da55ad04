import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseServerEvents, type ServerEvent } from '../../src/cli/serverEvents.ts';

async function parsed(text: string, cuts: readonly number[] = []): Promise<ServerEvent[]> {
  const bytes = new TextEncoder().encode(text);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  async function* pieces() {
    let from = 0;
    for (const end of ends) {
      yield bytes.subarray(from, end);
      from = end;
    }
  }
  const events: ServerEvent[] = [];
  for await (const event of parseServerEvents(pieces())) events.push(event);
  return events;
}

test('fields, comments, and an id that stays until the next', async () => {
  const text =
    ': hello\n\nid: 7\nevent: launch\ndata: {"a":1}\n\ndata:two\ndata: lines\nretry: 5\n\nevent: none\n\n';
  expect(await parsed(text)).toEqual([
    { id: '7', event: 'launch', data: '{"a":1}' },
    { id: '7', event: null, data: 'two\nlines' },
  ]);
});

test('what is not ended by an empty line is not told', async () => {
  expect(await parsed('data: one\n\ndata: two\n')).toEqual([{ id: null, event: null, data: 'one' }]);
});

test('however it is cut, through the middle of a character too', async () => {
  const text = 'id: 1\r\ndata: naïve 測試 😀\r\n\r\nid: 2\ndata: b\n\n';
  const whole = await parsed(text);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat()), async (cuts) => {
      expect(await parsed(text, cuts)).toEqual(whole);
    }),
  );
  expect(whole.map(({ data }) => data)).toEqual(['naïve 測試 😀', 'b']);
});
