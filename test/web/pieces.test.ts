import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LiveInstance } from '../../src/api/live/frame.ts';
import { liveInstance } from '../../src/api/live/frame.ts';
import { createEventReader } from '../../src/web/events.js';
import { clock, counted, money, number, span, words } from '../../src/web/format.js';
import { applyFrame, costPerHour, emptySite, mayOperate, selectMachines } from '../../src/web/site.js';
import { fixtureInstances, fixtureStatus } from '../support/fixtureControl.ts';

describe('events', () => {
  test('are read whole, wherever the text is cut', () => {
    const text =
      ': hello\n\nevent: frame\nid: 7\ndata: {"a":\ndata: "ü"}\r\n\r\ndata: b\n\nevent: half\ndata: c';
    const whole: object[] = [];
    createEventReader((event) => whole.push(event))(text);
    expect(whole).toEqual([
      { name: 'frame', id: '7', data: '{"a":\n"ü"}' },
      { name: 'message', id: '7', data: 'b' },
    ]);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: text.length })), (cuts) => {
        const got: object[] = [];
        const read = createEventReader((event) => got.push(event));
        const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        for (const [at, place] of places.entries()) read(text.slice(place, places[at + 1] ?? place));
        expect(got).toEqual(whole);
      }),
    );
  });
});

describe('words and figures', () => {
  test.each([
    [0, '0s'],
    [59_999, '59s'],
    [61_000, '1m 1s'],
    [7_500_000, '2h 5m'],
    [90_000_000, '1d 1h'],
  ])('%i ms is %s', (ms, text) => expect(span(ms)).toBe(text));

  test('as people read them', () => {
    expect(number(12_345.67)).toBe('12,345.7');
    expect(counted(1, 'job')).toBe('1 job');
    expect(counted(2, 'launch', 'launches')).toBe('2 launches');
    expect(money(1_234.5, 'EUR')).toBe('1,234.50 EUR');
    expect(money(0.0456, 'USD')).toBe('0.046 USD');
    expect(words('poolMax')).toBe('pool max');
    expect(clock(0)).toMatch(/^\d\d:\d\d:\d\d$/);
  });
});

describe('what the page knows', () => {
  const live = fixtureInstances.filter(({ phase }) => phase !== 'ended').map(liveInstance);
  const frame = (whole: boolean, put: readonly LiveInstance[], gone: readonly string[]) => ({
    version: 1,
    status: fixtureStatus,
    instances: { whole, put, gone },
    demand: null,
  });

  test('is what the frames say', () => {
    const site = emptySite();
    applyFrame(site, frame(true, live, []));
    applyFrame(site, frame(false, [], ['i1-0']));
    expect([...site.instances.keys()]).toEqual(['i1-1', 'i2-0']);
    applyFrame(site, frame(true, live.slice(0, 1), []));
    expect([...site.instances.keys()]).toEqual(['i1-0']);
    expect([...costPerHour(live)]).toEqual([['USD', expect.closeTo(0.36)]]);
  });

  test('machines are found by text, pool and state, and put in order', () => {
    const filter = { text: '', pool: '', state: '', sort: 'id', descending: false } as const;
    const ids = (more: object) => selectMachines(live, { ...filter, ...more }).map(({ id }) => id);
    expect(ids({})).toEqual(['i1-0', 'i1-1', 'i2-0']);
    expect(ids({ descending: true })).toEqual(['i2-0', 'i1-1', 'i1-0']);
    expect(ids({ state: 'Busy' })).toEqual(['i1-1']);
    expect(ids({ pool: 'large' })).toEqual(['i2-0']);
    expect(ids({ text: ' 10.0.0.12 ' })).toEqual(['i1-1']);
    expect(ids({ sort: 'since' })).toEqual(['i2-0', 'i1-1', 'i1-0']);
  });

  test('orders are offered to those who may give them', () => {
    const site = emptySite();
    expect(mayOperate(site, 'small')).toBe(false);
    site.caller = { name: 'a', role: 'read', pools: null };
    expect(mayOperate(site, 'small')).toBe(false);
    site.caller = { name: 'a', role: 'operate', pools: ['small'] };
    expect([mayOperate(site, 'small'), mayOperate(site, 'large'), mayOperate(site, null)]).toEqual([
      true,
      false,
      false,
    ]);
    site.caller = { name: null, role: 'operate', pools: null };
    expect(mayOperate(site, null)).toBe(true);
  });
});
