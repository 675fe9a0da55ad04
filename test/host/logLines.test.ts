import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isJournal, journaldLine } from '../../src/host/logLines.ts';

/** What pino makes of it, and then the journal. */
function logged(log: (to: ReturnType<typeof pino>) => void): string {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(journaldLine(line));
  log(pino({ level: 'debug', base: { site: 'farm' } }, { write }));
  return lines.join('');
}

describe('a line for the journal', () => {
  test.each([
    ['debug', 7],
    ['info', 6],
    ['warn', 4],
    ['error', 3],
  ] as const)('%s has the priority %i', (level, priority) => {
    expect(logged((log) => log[level]({}, 'it is so'))).toBe(`<${priority}>it is so site=farm\n`);
  });

  test('fields are words, and none of them begins another line', () => {
    const line = logged((log) =>
      log
        .child({ cloud: 'east' })
        .warn({ code: 'auth', problem: 'no\n<2>way "in"', n: 3, of: [1] }, 'source does not answer'),
    );
    expect(line).toBe(
      '<4>source does not answer site=farm cloud=east code=auth problem="no\\n<2>way \\"in\\"" n=3 of=[1]\n',
    );
  });

  test('an error says its message and where it was made, on one line', () => {
    const line = logged((log) => log.error({ err: new Error('broken') }, 'api fault'));
    expect(line).toMatch(/^<3>api fault site=farm problem=broken stack="Error: broken\\n {4}at .*"\n$/);
    expect(line.split('\n')).toHaveLength(2);
  });

  test('whatever is logged is one line, and no longer than the journal takes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), fc.string(), (fields, message) => {
        const line = logged((log) => log.info(fields, message.replaceAll('\n', ' ')));
        expect(line.endsWith('\n')).toBe(true);
        expect(line.slice(0, -1)).not.toContain('\n');
      }),
    );
    expect(logged((log) => log.info({ why: 'x'.repeat(100_000) }, 'long')).length).toBeLessThan(20_000);
  });
});

describe('whether standard output is the journal', () => {
  test('it is where it is the very file that systemd names', () => {
    const folder = mkdtempSync(join(tmpdir(), 'spillway-log-'));
    const fd = openSync(join(folder, 'log'), 'w');
    onTestFinished(() => {
      closeSync(fd);
      rmSync(folder, { recursive: true });
    });
    const { dev, ino } = fstatSync(fd);
    expect(isJournal(`${dev}:${ino}`, fd)).toBe(true);
    expect(isJournal(`${dev}:${ino + 1}`, fd)).toBe(false);
    expect(isJournal(undefined, fd)).toBe(false);
    expect(isJournal('', fd)).toBe(false);
  });
});
