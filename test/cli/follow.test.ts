import { expect, test } from 'vitest';
import type { JournalEntryView } from '../../src/api/journalEntry.ts';
import { startApi } from '../../src/api/server.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import type { Clock } from '../../src/model/clock.ts';
import { keepLog, startTestApi } from '../support/apiServer.ts';
import { eventually } from '../support/eventually.ts';
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

/** A command that goes on until it is told to stop, and what it has printed so far. */
function following(args: readonly string[], socket: string, clock: Clock = hostClock) {
  const out = catchText();
  const err = catchText();
  const stop = new AbortController();
  const env = { SPILLWAY_SOCKET: socket };
  const run = cli(args, { env, clock, signal: stop.signal, stdout: out.sink, stderr: err.sink });
  const shows = (text: string) =>
    eventually(text, () => out.text().includes(text), { everyMs: 5, withinMs: 20_000 });
  return {
    printed: () => out.text(),
    shows,
    says: (text: string) =>
      eventually(text, () => err.text().includes(text), { everyMs: 5, withinMs: 20_000 }),
    end: async () => {
      stop.abort();
      const { code } = await run;
      return { code, stdout: out.text(), stderr: err.text() };
    },
  };
}

test('journal --follow prints what is new, once, as it comes', async () => {
  await using api = await startTestApi();
  const command = following(['journal', '--follow', '--limit', '1'], api.socket);
  await command.shows('no job needed it');
  api.control.addEntry({ why: 'the next' });
  await command.shows('the next');
  api.control.addEntry({ kind: 'cloudTrouble', instance: 'a-longer-name', why: 'and one more' });
  await command.shows('and one more');
  const { code, stdout, stderr } = await command.end();
  expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
  expect(`\n${stdout}`).toBe(`
NUMBER  TIME                  KIND   ABOUT  WHY
    42  2026-11-22 04:30:00Z  ended  i0-0   no job needed it for 5m
    43  2026-11-22 04:30:00Z  ended  i0-0   the next
    44  2026-11-22 04:30:00Z  cloudTrouble  a-longer-name  and one more
`);
});

test('journal --follow --json and events print a document a line', async () => {
  await using api = await startTestApi();
  const journal = following(['journal', '--follow', '--json', '--kind', 'ended'], api.socket);
  const events = following(['events', '--kind', 'ended', '--after', '41'], api.socket);
  await journal.shows('"number":42');
  await events.shows('"number":42');
  api.control.addEntry({ kind: 'launch' });
  api.control.addEntry({ kind: 'ended' });
  await journal.shows('"number":44');
  await events.shows('"number":44');
  for (const command of [journal, events]) {
    const numbers = (await command.end()).stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as JournalEntryView).number);
    expect(numbers).toEqual([42, 44]);
  }
});

test('events begin with what is new', async () => {
  await using api = await startTestApi();
  const command = following(['events'], api.socket);
  await eventually(
    'it follows',
    async () => {
      api.control.addEntry({ kind: 'launch' });
      return command.printed() !== '';
    },
    { everyMs: 20 },
  );
  const { stdout } = await command.end();
  expect(stdout).toContain('"kind":"launch"');
  expect(stdout).not.toContain('"number":42');
});

test('a daemon that goes away is waited for, and nothing is missed', async () => {
  const first = await startTestApi();
  const again: (() => void)[] = [];
  const clock: Clock = { ...hostClock, sleep: () => new Promise((resolve) => again.push(resolve)) };
  const command = following(['events', '--after', '41'], first.socket, clock);
  await command.shows('"number":42');
  await first.api.close();
  await command.says('waiting for it');
  first.control.addEntry({});
  const second = await startApi({
    socket: first.socket,
    listen: [],
    tokens: [],
    control: first.control,
    clock: hostClock,
    log: keepLog([]),
  });
  again.pop()?.();
  await command.shows('"number":43');
  const { code, stdout } = await command.end();
  expect({ code, lines: stdout.trim().split('\n').length }).toEqual({ code: 130, lines: 2 });
  await second.close();
  await first[Symbol.asyncDispose]();
});

test('nobody to follow is said at once', async () => {
  expect((await cli(['events', '--socket', '/nowhere/socket'])).code).toBe(4);
  expect((await cli(['journal', '--follow', '--socket', '/nowhere/socket'])).code).toBe(4);
});

test.each([['status --watch --json'], ['events --after x'], ['status --watch 0'], ['status --watch x']])(
  '%s is refused',
  async (line) => {
    expect((await cli(line.split(' '))).code).toBe(2);
  },
);
