import { expect, test } from 'vitest';
import type { JournalEntryView } from '../../src/api/journalEntry.ts';
import type { Clock } from '../../src/model/clock.ts';
import { startTestApi } from '../support/apiServer.ts';
import { fixtureJournal } from '../support/fixtureControl.ts';
import { catchText, cli } from '../support/runCli.ts';

/** The command sleeps so often; in each pause something may happen. The last ends it. */
function pauses(steps: readonly (() => void)[]) {
  const stop = new AbortController();
  const slept: number[] = [];
  const clock: Clock = {
    wallNow: () => 0,
    monotonicNow: () => 0,
    sleep: async (ms) => {
      steps[slept.length]?.();
      slept.push(ms);
      if (slept.length >= steps.length) stop.abort();
    },
  };
  return { clock, signal: stop.signal, slept };
}

test('status --watch asks until it is interrupted', async () => {
  await using api = await startTestApi();
  const { clock, signal, slept } = pauses([() => {}, () => {}]);
  const env = { SPILLWAY_SOCKET: api.socket };
  const { code, stdout, stderr } = await cli(['status', '--watch', '0.5'], { env, clock, signal });
  expect({ code, stderr, slept }).toEqual({ code: 130, stderr: '', slept: [500, 500] });
  const once = (await cli(['status'], { env })).stdout;
  expect(stdout).toBe(`${once}\n${once}\n`);
});

test('status --watch redraws a terminal', async () => {
  await using api = await startTestApi();
  const { clock, signal, slept } = pauses([() => {}]);
  const out = catchText(true);
  const env = { SPILLWAY_SOCKET: api.socket };
  await cli(['status', '--watch'], { env, clock, signal, stdout: out.sink });
  expect(slept).toEqual([2000]);
  expect(out.text().startsWith('\u001b[H\u001b[2J')).toBe(true);
});

test('a daemon that goes away ends the watch', async () => {
  await using api = await startTestApi();
  const { clock, signal } = pauses([() => {}, () => {}]);
  const closing = { ...clock, sleep: () => api.api.close() };
  const env = { SPILLWAY_SOCKET: api.socket };
  expect((await cli(['status', '--watch'], { env, clock: closing, signal })).code).toBe(4);
});

test('journal --follow prints what is new, once', async () => {
  await using api = await startTestApi();
  const entries: JournalEntryView[] = [...fixtureJournal];
  api.control.journal = ({ afterNumber = 0, limit }) =>
    entries
      .filter(({ number }) => number > afterNumber)
      .toSorted((a, b) => b.number - a.number)
      .slice(0, limit);
  const add = (number: number) => () => {
    const [model] = fixtureJournal;
    if (model !== undefined) entries.push({ ...model, number, why: `entry ${number}` });
  };
  const { clock, signal, slept } = pauses([add(43), () => {}, add(44), () => {}]);
  const env = { SPILLWAY_SOCKET: api.socket };
  const { stdout } = await cli(['journal', '--follow', '--limit', '1'], { env, clock, signal });
  expect(slept).toHaveLength(4);
  expect(`\n${stdout}`).toBe(`
NUMBER  TIME                  KIND   ABOUT  WHY
    42  2026-11-22 04:30:00Z  ended  i0-0   no job needed it for 5m
    43  2026-11-22 04:30:00Z  ended  i0-0   entry 43
    44  2026-11-22 04:30:00Z  ended  i0-0   entry 44
`);
});

test.each([
  ['status --watch --json'],
  ['journal --follow --json'],
  ['status --watch 0'],
  ['status --watch x'],
])('%s is refused', async (line) => {
  expect((await cli(line.split(' '))).code).toBe(2);
});
