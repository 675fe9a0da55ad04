import { writeSync } from 'node:fs';
import { InstanceId } from '../../src/model/ids.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { aBatch, anEntry, anInstance, anIntent, site } from '../conformance/rows.ts';

/*
 * Run as a process of its own, to be killed: `node writer-process.ts hold PATH` opens the store and says `open`;
 * `write PATH` then commits without end and says the number of each commit when it is done.
 */
const [mode, path = ''] = process.argv.slice(2);
const store = openSqliteStore({ path, site });
writeSync(1, 'open\n');
if (mode === 'hold') process.stdin.resume();
else commitWithoutEnd(store.load().sequence + 1);

function commitWithoutEnd(first: number): never {
  for (let n = first; ; n += 1) {
    const previous = store.instance(InstanceId(`i${n - 1}-0`));
    store.commit(
      aBatch({
        sequence: n,
        nowMs: n,
        intents: [anIntent(`i${n}`, { seats: 2, state: 'accepted' })],
        instances: [
          anInstance(`i${n}`, 0),
          anInstance(`i${n}`, 1),
          ...(previous === null ? [] : [{ ...previous, phase: 'idle' as const }]),
        ],
        facts: [{ key: 'newest', value: n }],
        journal: [1, 2, 3].map((part) =>
          anEntry({ atMs: n, why: `part ${part}`, data: { filler: 'x'.repeat(2000) } }),
        ),
      }),
    );
    writeSync(1, `${n}\n`);
  }
}
