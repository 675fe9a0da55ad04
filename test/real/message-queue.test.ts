import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { reportAll } from '../../src/daemon/accountKeeping.ts';
import { placeMessages } from '../../src/host/message-queue.ts';
import { configOf } from '../../src/simulate/simulatedConfig.ts';
import { createMemoryStore } from '../../src/store/memory/store.ts';
import { aMachineUse } from '../conformance/account-cases.ts';
import { aBatch, site } from '../conformance/rows.ts';
import { makeOffer, makePool } from '../support/siteParts.ts';

/** As `ssmsend` empties a folder: with the library that it uses. */
const sender = `
import json, sys
from dirq.QueueSimple import QueueSimple
queue = QueueSimple(sys.argv[1])
found = []
for name in queue:
    assert queue.lock(name)
    found.append([name, queue.get(name).decode() if isinstance(queue.get(name), bytes) else queue.get(name)])
    queue.remove(name)
queue.purge()
print(json.dumps(found))
`;

function hasLibrary(): boolean {
  try {
    execFileSync('python3', ['-c', 'import dirq'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Needs Python's dirq: the Debian package python3-dirq, or a PYTHONPATH with it. */
describe.skipIf(!hasLibrary())('messages in a directory queue', () => {
  test('are what its own library finds, locks, reads and removes; folders that it purges are made again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spillway-dirq-'));
    folders.push(folder);
    const store = createMemoryStore({ site });
    const config = configOf({
      offers: [makeOffer({ name: 'small' })],
      pools: [makePool({ offers: ['small'] })],
    });
    const apel = {
      siteName: 'EXAMPLE',
      cloudComputeService: null,
      folder,
      everyMs: 1,
      benchmark: null,
      fqans: new Map<string, string>(),
      globalUserNames: new Map<string, string>(),
    };
    for (const [round, name] of ['a', 'b'].entries()) {
      const machineUses = Array.from({ length: 1001 }, (_, n) =>
        aMachineUse(`${name}${n}`, { endedAtMs: 2000 }),
      );
      store.commit(aBatch({ sequence: round + 1, machineUses }));
      const nowMs = Date.UTC(2026, 10, 22) + round;
      const placed = await reportAll({ config, store, placeMessages }, { apel, folder, nowMs });
      expect(placed).toEqual({ messages: 2, records: 1001 });
      const found: [string, string][] = JSON.parse(
        execFileSync('python3', ['-c', sender, folder], { encoding: 'utf8' }),
      );
      expect(found).toHaveLength(2);
      const names = found.flatMap(([, text]) =>
        [...text.matchAll(/^MachineName: (.*)$/gm)].map(([, one]) => String(one)),
      );
      expect(names).toHaveLength(1001);
      expect(new Set(names)).toEqual(new Set(machineUses.map(({ instance }) => instance)));
      expect(store.accounts.messages()).toEqual([]);
    }
    expect(
      readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()),
    ).toEqual([]);
  });
});
