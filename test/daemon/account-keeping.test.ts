import { describe, expect, test } from 'vitest';
import { ControlError } from '../../src/api/control.ts';
import type { ApelConfig } from '../../src/config/site.ts';
import { createAccountKeeping, type PlaceMessages } from '../../src/daemon/accountKeeping.ts';
import { createTimeline } from '../../src/daemon/timeline.ts';
import { InstanceId } from '../../src/model/ids.ts';
import { configOf } from '../../src/simulate/simulatedConfig.ts';
import { createVirtualClock } from '../../src/simulate/virtualClock.ts';
import { createMemoryStore } from '../../src/store/memory/store.ts';
import { aMachineUse, aUsageRow } from '../conformance/account-cases.ts';
import { aBatch, site as siteName } from '../conformance/rows.ts';
import { keepLog } from '../support/apiServer.ts';
import { startSite } from '../support/scenes.ts';
import { makeOffer, makePool } from '../support/siteParts.ts';

const day = 86_400_000;
const apel: ApelConfig = {
  siteName: 'EXAMPLE',
  cloudComputeService: null,
  folder: '/out',
  everyMs: 3_600_000,
  benchmark: null,
  fqans: new Map(),
  globalUserNames: new Map(),
};

/** The keeping alone, on a store that has ended machines. */
function keeping(over: { readonly apel?: ApelConfig | null; readonly place?: PlaceMessages }) {
  const clock = createVirtualClock();
  const store = createMemoryStore({ site: siteName });
  const logged: string[] = [];
  const config = configOf({
    offers: [makeOffer({ name: 'small' })],
    pools: [makePool({ offers: ['small'] })],
  });
  const accounting = { keepMs: 31 * day, keepMachinesMs: 2 * day, apel: over.apel ?? null };
  const placed: string[] = [];
  const place: PlaceMessages = async (outbox, folder) => {
    const messages = outbox.messages();
    for (const { name, text } of messages) {
      placed.push(
        `${folder} ${text
          .split('\n')
          .filter((line) => line.startsWith('MachineName'))
          .join(' ')}`,
      );
      outbox.placed(name);
    }
    return { messages: messages.length, records: messages.length };
  };
  const end = (name: string) => {
    const nowMs = clock.wallNow();
    const machine = aMachineUse(name, { startedAtMs: nowMs - 1000, endedAtMs: nowMs });
    const usage = [aUsageRow({ day: Math.floor(nowMs / day) })];
    store.commit(aBatch({ nowMs, sequence: Math.floor(nowMs / 1000), machineUses: [machine], usage }));
  };
  const stop = new AbortController();
  const parts = {
    config: { ...config, accounting },
    store,
    clock,
    log: keepLog(logged),
    placeMessages: over.place ?? place,
  };
  const done = createAccountKeeping(parts, createTimeline(clock, null)).run(stop.signal);
  const finish = async () => {
    stop.abort();
    await done;
  };
  return { clock, store, placed, logged, end, stop: finish };
}

describe('by itself, the daemon', () => {
  test('reports what has ended, each machine once, as often as the config says', async () => {
    const { clock, placed, logged, end, stop } = keeping({ apel });
    end('a');
    await clock.advance(1000);
    end('b');
    await clock.advance(3_600_000);
    await clock.advance(10 * 3_600_000);
    await stop();
    expect(placed).toEqual(['/out MachineName: a', '/out MachineName: b']);
    expect(logged).toEqual(Array.from({ length: 2 }, () => 'info: usage records were put in place'));
  });

  test('goes on where a folder could not be written, and says so', async () => {
    let broken = true;
    const texts: string[] = [];
    const place: PlaceMessages = async (outbox) => {
      if (broken) throw Object.assign(new Error('EACCES: permission denied'), { syscall: 'open' });
      const messages = outbox.messages();
      for (const { name, text } of messages) {
        texts.push(text);
        outbox.placed(name);
      }
      return { messages: messages.length, records: 1 };
    };
    const { clock, logged, end, stop } = keeping({ apel, place });
    end('a');
    await clock.advance(3_600_000);
    broken = false;
    await clock.advance(3_600_000);
    await stop();
    expect(texts.join('').match(/^MachineName: a$/gm)).toHaveLength(1);
    expect(logged[0]).toBe('error: usage records could not be put in place: they are kept');
  });

  test('drops what is older than the config keeps, and puts nothing anywhere without a folder', async () => {
    const { clock, store, placed, end, stop } = keeping({ apel: { ...apel, folder: null } });
    end('old');
    const first = Math.floor(clock.wallNow() / day);
    await clock.advance(3 * day);
    end('young');
    await clock.advance(3_600_000);
    const left = store.accounts.unreported({ beforeMs: 0, after: null, limit: 9 });
    expect(left.map(({ machine }) => machine.instance)).toEqual([InstanceId('young')]);
    expect(store.accounts.usage({ from: first, to: first + 100, grain: 'day' })).toHaveLength(2);
    await clock.advance(30 * day);
    await stop();
    expect(
      store.accounts.usage({ from: first, to: first + 100, grain: 'day' }).map((row) => row.day),
    ).toEqual([first + 3]);
    expect(placed).toEqual([]);
  });
});

test('an order to report is refused where the config does not say who the site is', async () => {
  const site = startSite();
  await site.run(1000);
  const refused = site.control.reportUsage('/out');
  await expect(refused).rejects.toThrow(ControlError);
  await expect(refused).rejects.toMatchObject({ code: 'refused', reason: 'notConfigured' });
});
