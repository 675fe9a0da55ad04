import { join } from 'node:path';
import { expect, it } from 'vitest';
import { InstanceId } from '../../src/model/ids.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { site } from '../conformance/rows.ts';
import { aFolder, startWriter } from './folder.ts';

const kills = 20;

it('a writer killed at any moment leaves each commit whole or not at all, and no answered one is lost', async () => {
  const path = join(aFolder(), 'spillway.db');
  let kept = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const writer = await startWriter('write', path);
    // Killed when some number of commits has been answered: it is somewhere in a later one, or in moving its log.
    const answered = await writer.untilAnswered(kept + 1 + ((kill * 7) % 11));
    await writer.kill();

    const store = openSqliteStore({ path, site });
    const { sequence, instances, facts } = store.load();
    expect(sequence).toBeGreaterThanOrEqual(answered);
    expect(facts).toEqual([{ key: 'newest', value: sequence }]);
    expect(instances).toHaveLength(2 * sequence);
    expect(instances.filter(({ phase }) => phase === 'idle')).toHaveLength(sequence - 1);
    expect(store.instance(InstanceId(`i${sequence}-0`))?.phase).toBe('requested');
    expect(store.journal({ limit: 10_000 })).toHaveLength(Math.min(10_000, 3 * sequence));
    store.close();
    kept = sequence;
  }
  expect(kept).toBeGreaterThan(kills);
}, 120_000);
