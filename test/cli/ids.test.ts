import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyText } from '../support/anyText.ts';
import { startTestApi } from '../support/apiServer.ts';
import { cli } from '../support/runCli.ts';

test('whatever the id: the daemon is asked for that very job, or the command line is refused', async () => {
  await using api = await startTestApi();
  let asked: string | null = null;
  api.control.explainJob = async (id) => {
    asked = id;
    return null;
  };
  const id = fc.oneof(
    anyText(300),
    fc.string({
      unit: fc.constantFrom('.', '/', '%', '2', 'e', 'f', '?', '#', '@', ' ', '\\', ';'),
      maxLength: 12,
    }),
  );
  await fc.assert(
    fc.asyncProperty(id, async (text) => {
      asked = null;
      const { code } = await cli(['explain', 'job', '--socket', api.socket, '--', text]);
      if (asked === null) expect(code).toBe(2);
      else expect({ code, asked }).toEqual({ code: 5, asked: text.toWellFormed() });
    }),
    { numRuns: 50 },
  );
});
