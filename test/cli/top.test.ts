import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LiveFrame } from '../../src/api/live/frame.ts';
import { liveInstance } from '../../src/api/live/frame.ts';
import { createStyle, widthOf } from '../../src/cli/table.ts';
import { cellsOf, curveOf, glyphsFor } from '../../src/cli/top/canvas.ts';
import { drawTop, type Paper } from '../../src/cli/top/picture.ts';
import { emptyTop, withFrame, withHistory } from '../../src/cli/top/state.ts';
import type { Terminal } from '../../src/host/terminal.ts';
import { startTestApi } from '../support/apiServer.ts';
import { fixtureInstances, fixturePlan, fixtureStatus, nowMs } from '../support/fixtureControl.ts';
import { catchText, cli } from '../support/runCli.ts';

const live = fixtureInstances.filter(({ phase }) => phase !== 'ended').map(liveInstance);
const frame: LiveFrame = {
  version: 1,
  status: fixtureStatus,
  instances: { whole: true, put: live, gone: [] },
  demand: { atMs: nowMs, ready: true, missing: [], launches: [], groups: fixturePlan.demand },
};
const state = withFrame(emptyTop, frame);
const paper = (more: Partial<Paper> = {}): Paper => ({
  columns: 100,
  rows: null,
  style: createStyle(false),
  glyphs: glyphsFor({ LANG: 'C' }),
  ...more,
});
/** What is seen of a line, without its colours. */
const bare = (line: string) => stripVTControlCharacters(line);

describe('the picture', () => {
  test('says what there is, what is wrong and why jobs wait', () => {
    const text = drawTop(state, paper({ columns: 140 })).join('\n');
    expect(text).toContain('farm-1  spillway 0.1.0  running for 2h5m');
    expect(text).toContain('12 waiting, 4 running, 1 held, 4 not served');
    expect(text).toContain('3: 1 busy, 1 free, 1 unusable');
    expect(text).toContain('7.50 USD today, small day 104 %');
    expect(text).toMatch(/^small {17}1 {4}1 {4}0 {5}9 {2}#+\++\.+$/m);
    expect(text).toContain('unavailable for 1m15s: the service answered 503');
    expect(text).toContain('set aside: t-gpu for 4m, capacity: the cloud has no room for it');
    expect(text).toContain('alarm for 20m');
    expect(text).toMatch(/^i2-0 +building +/m);
  });

  test('says what is only observed', () => {
    const observe = {
      sinceMs: nowMs,
      site: false,
      clouds: ['ec2'],
      pools: [],
      booted: 7,
      machines: [],
      cost: [{ currency: 'USD', soFar: 1.5, perHour: 0.5 }],
    };
    const lines = drawTop(withFrame(emptyTop, { ...frame, status: { ...fixtureStatus, observe } }), paper());
    expect(lines).toContain('only observed: ec2: 7 machines would have been booted, for 1.50 USD');
  });

  test('is never wider or higher than the terminal, whatever its size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 80 }),
        fc.boolean(),
        (columns, rows, colours) => {
          const lines = drawTop(state, paper({ columns, rows, style: createStyle(colours) }));
          expect(lines.length).toBeLessThanOrEqual(rows);
          for (const line of lines) expect(widthOf(bare(line))).toBeLessThanOrEqual(columns);
        },
      ),
    );
  });

  test('has the same words with and without colours, and no control characters of others', () => {
    const [pool] = fixtureStatus.pools;
    if (pool === undefined) throw new Error('the fixture has no pool');
    const hostile = {
      ...frame,
      status: { ...fixtureStatus, site: 'a\u001b[2Jb', pools: [{ ...pool, name: 'x\u0007y' }] },
    };
    const plain = drawTop(withFrame(emptyTop, hostile), paper());
    const coloured = drawTop(withFrame(emptyTop, hostile), paper({ style: createStyle(true) }));
    expect(coloured.map(bare)).toEqual(plain);
    expect(plain.join('')).not.toMatch(/\p{Cc}/u);
  });

  test('says why nothing new comes, and keeps what was', () => {
    const lines = drawTop({ ...state, trouble: 'nobody listens' }, paper());
    expect(lines.slice(0, 2)).toEqual([expect.stringContaining('farm-1'), 'nobody listens']);
  });
});

describe('curves and bars', () => {
  test('a curve goes from low to high', () => {
    expect(curveOf([0, 1, 2, 4], 10, glyphsFor({ LANG: 'en_GB.UTF-8' }))).toBe('▁▃▅█');
    expect(curveOf([0, 0, 0, 9], 2, glyphsFor({ LC_ALL: 'C', LANG: 'en_GB.UTF-8' }))).toBe('_#');
  });

  test('a bar shows every part that there is, and is no longer than it may be', () => {
    const values = fc.array(fc.integer({ min: 0, max: 10_000 }), { maxLength: 4 });
    fc.assert(
      fc.property(
        values,
        fc.integer({ min: 0, max: 10_000 }),
        fc.integer({ min: 4, max: 80 }),
        (parts, whole, cells) => {
          const shares = cellsOf(parts, whole, cells);
          expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(cells);
          for (const [at, value] of parts.entries()) if (value === 0) expect(shares[at]).toBe(0);
        },
      ),
    );
  });

  test('the last hour comes from the daemon, and grows with what is seen', () => {
    const view = {
      nowMs,
      stepMs: 10_000,
      atMs: [nowMs - 20_000, nowMs - 10_000],
      pools: { a: { Free: [1, 2], Busy: [3, 4], Unusable: [0, 1] } },
      queues: { q: { waiting: [5, 6], running: [0, 0] } },
    };
    const { curves } = withFrame(withHistory(emptyTop, view), frame);
    expect(curves).toMatchObject({ waiting: [5, 6, 12], machines: [4, 7, 3] });
  });
});

describe('spillway top', () => {
  test('writes one picture where there is no terminal', async () => {
    await using api = await startTestApi();
    const { code, stdout, stderr } = await cli(['top', '--socket', api.socket]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('12 waiting, 4 running');
    expect(stdout).not.toContain('\u001b');
  });

  test('writes a frame as JSON', async () => {
    await using api = await startTestApi();
    const { stdout } = await cli(['top', '--json', '--socket', api.socket]);
    expect(JSON.parse(stdout)).toMatchObject({ status: { site: 'farm-1' }, instances: { whole: true } });
  });

  test('draws on a screen of its own until q, anew when the window changes, and leaves all as it was', async () => {
    await using api = await startTestApi();
    const out = catchText();
    let size = { columns: 90, rows: 24 };
    const opened: Parameters<Terminal['open']>[0][] = [];
    let closed = false;
    const terminal: Terminal = {
      size: () => size,
      open: (given) => {
        opened.push(given);
        return () => {
          closed = true;
        };
      },
    };
    const ran = cli(['top', '--socket', api.socket], { stdout: { ...out.sink, isTTY: true }, terminal });
    await expect.poll(() => out.text()).toContain('12 waiting');
    size = { columns: 20, rows: 3 };
    opened[0]?.onResize();
    const last = out.text().split('\u001b[H').at(-1) ?? '';
    expect(last.split('\r\n')).toHaveLength(3);
    opened[0]?.onKey('x');
    opened[0]?.onKey('q');
    expect((await ran).code).toBe(0);
    expect(closed).toBe(true);
    expect(out.text().startsWith('\u001b[?1049h')).toBe(true);
    expect(out.text().endsWith('\u001b[?1049l')).toBe(true);
  });

  test('waits for a daemon that is away, and says so', async () => {
    const out = catchText();
    const slept: number[] = [];
    let press = () => {};
    const terminal: Terminal = {
      size: () => ({ columns: 120, rows: 10 }),
      open: ({ onKey }) => {
        press = () => onKey('q');
        return () => {};
      },
    };
    const clock = {
      wallNow: () => 0,
      monotonicNow: () => 0,
      sleep: async (ms: number) => {
        slept.push(ms);
        if (slept.length === 3) press();
      },
    };
    const { code } = await cli(['top', '--socket', '/nowhere/api.sock'], {
      stdout: { ...out.sink, isTTY: true },
      terminal,
      clock,
    });
    expect(code).toBe(0);
    expect(slept).toEqual([2_000, 2_000, 2_000]);
    expect(out.text()).toContain('no daemon answers at /nowhere/api.sock');
  });
});
