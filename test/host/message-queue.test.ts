import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { placeMessages } from '../../src/host/message-queue.ts';
import { createMemoryStore } from '../../src/store/memory/store.ts';
import { site } from '../conformance/rows.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-out-'));
  folders.push(folder);
  return folder;
}

const message = (n: number) => ({
  name: `6740a1c0/6740a1c${n}00000${n}`,
  text: `message ${n}\n`,
  records: n,
  madeAtMs: n,
  folder: null,
});

function outboxWith(...numbers: number[]) {
  const { accounts } = createMemoryStore({ site });
  accounts.report(numbers.map(message), []);
  return accounts;
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .toSorted();
}

describe('messages', () => {
  test('are put where a sender of directory queues finds them, and forgotten', async () => {
    const folder = makeFolder();
    const outbox = outboxWith(1, 2);
    expect(await placeMessages(outbox, folder)).toEqual({ messages: 2, records: 3 });
    expect(readdirSync(folder)).toEqual(['6740a1c0']);
    const names = readdirSync(join(folder, '6740a1c0'));
    expect(names).toEqual(['6740a1c1000001', '6740a1c2000002']);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{14}$/);
    expect(statSync(join(folder, '6740a1c0', '6740a1c1000001')).mode & 0o777).toBe(0o660);
    expect(outbox.messages()).toEqual([]);
    expect(await placeMessages(outbox, folder)).toEqual({ messages: 0, records: 0 });
  });

  /** A crash at a step is that the step's word to the store is never said, or all that follows it. */
  test.each(['placing', 'placed'] as const)('are there once, whenever it crashes before %s', async (step) => {
    const folder = makeFolder();
    const outbox = outboxWith(1);
    const dying = {
      ...outbox,
      [step]: () => {
        throw new Error('killed');
      },
    };
    await expect(placeMessages(dying, folder)).rejects.toThrow('killed');
    if (step === 'placed') {
      expect(filesIn(folder)).toEqual(['message 1\n']);
      // It has been sent since.
      rmSync(join(folder, '6740a1c0'), { recursive: true });
    }
    await placeMessages(outbox, folder);
    expect(filesIn(folder)).toEqual(step === 'placing' ? ['message 1\n'] : []);
    expect(outbox.messages()).toEqual([]);
  });

  test('that were noted and not renamed are renamed, in the folder that was meant then', async () => {
    const [meant, other] = [makeFolder(), makeFolder()];
    const outbox = outboxWith(1);
    const dying = {
      ...outbox,
      placing: (name: string, folder: string | null) => {
        outbox.placing(name, folder);
        throw new Error('killed');
      },
    };
    await expect(placeMessages(dying, meant)).rejects.toThrow('killed');
    await placeMessages(outbox, other);
    expect([filesIn(meant), filesIn(other)]).toEqual([['message 1\n'], []]);
  });

  test('are kept while their folder cannot be written, or is not there', async () => {
    const folder = join(makeFolder(), 'missing');
    const outbox = outboxWith(1);
    outbox.placing(message(1).name, folder);
    await expect(placeMessages(outbox, folder)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(outbox.messages()).toHaveLength(1);
  });
});
