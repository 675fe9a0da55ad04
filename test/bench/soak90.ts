import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SiteId } from '../../src/model/ids.ts';
import { replay } from '../../src/simulate/replay.ts';
import { readTrace } from '../../src/simulate/swf.ts';
import { traceSite } from '../../src/simulate/traceSite.ts';
import { createWorkload } from '../../src/simulate/workload.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';

const mib = 1024 * 1024;

/** Every so manieth job of the trace: months pass, machines come and go, and it takes minutes. */
const everyNth = 6;

interface Day {
  readonly day: number;
  readonly rssMiB: number;
  readonly heapMiB: number;
  readonly storeMiB: number;
}

/**
 * Ninety simulated days of the NASA trace, thinned, with the store on disk and two days of retention: memory and store by
 * day. Flat from the first days on means that nothing is kept that grows with time.
 */
export async function run([days = '90']: readonly string[]): Promise<unknown> {
  const signal = new AbortController().signal;
  const path = new URL('../data/traces/nasa-ipsc-1993.swf.gz', import.meta.url).pathname;
  const trace = await readTrace(path, { signal });
  const jobs = trace.jobs.filter(
    ({ submitSeconds }, at) => at % everyNth === 0 && submitSeconds < Number(days) * 86_400,
  );
  const workload = createWorkload({ ...trace, jobs }, { split: 'gang', machineCpus: 1, memory: false });
  const config = await traceSite({
    machineCpus: 1,
    machineMemoryMiB: null,
    pricePerCoreHour: 0.05,
    min: 0,
    max: 1000,
    idleMs: null,
    retention: '2d',
    isQuiet: true,
  });
  const folder = mkdtempSync(join(tmpdir(), 'spillway-soak90-'));
  const file = join(folder, 'spillway.db');
  const store = openSqliteStore({ path: file, site: SiteId('trace') });
  const byDay: Day[] = [];
  try {
    const result = await replay({
      workload,
      config,
      queue: config.queues[0]?.name ?? fail(),
      bootSeconds: 180,
      faults: 'none',
      seed: 1,
      signal,
      store: () => store,
      onProgress: ({ simulatedMs }) => {
        const day = Math.floor(simulatedMs / 86_400_000);
        if (day <= (byDay.at(-1)?.day ?? 0)) return;
        globalThis.gc?.();
        const { rss, heapUsed } = process.memoryUsage();
        const sizes = [file, `${file}-wal`].map(
          (name) => statSync(name, { throwIfNoEntry: false })?.size ?? 0,
        );
        const storeMiB = sizes.reduce((sum, bytes) => sum + bytes, 0) / mib;
        byDay.push({ day, rssMiB: rss / mib, heapMiB: heapUsed / mib, storeMiB });
        process.stderr.write(
          `day ${day}: rss ${(rss / mib).toFixed(0)} MiB, heap ${(heapUsed / mib).toFixed(1)} MiB, store ${storeMiB.toFixed(2)} MiB\n`,
        );
      },
    });
    return {
      jobs: result.jobs,
      launches: result.launches,
      breaches: result.breaches.length,
      byDay: byDay.filter(({ day }) => day % 10 === 1),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function fail(): never {
  throw new Error('a farm without a queue');
}
