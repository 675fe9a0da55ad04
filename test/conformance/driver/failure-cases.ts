import { expect, vi } from 'vitest';
import { type Bench, type Case, neverSeen } from './bench.ts';
import type { CallKind, Fault } from './harness.ts';

const kinds: readonly CallKind[] = ['create', 'list', 'end'];

function call(bench: Bench, kind: CallKind, over = bench.signal, target = neverSeen): Promise<unknown> {
  if (kind === 'create') return bench.cloud.launch(bench.order(1), over);
  return kind === 'list' ? bench.cloud.list(over) : bench.cloud.terminate(target, over);
}

/** Every kind of call fails so under the fault; what changes something is in doubt where the fault lets it be. */
async function eachFails(
  bench: Bench,
  fault: Fault,
  code: Parameters<Bench['fails']>[1]['code'],
  inDoubt: boolean,
) {
  for (const kind of kinds) {
    await bench.test.fault(kind, fault);
    await bench.fails(call(bench, kind), { code, inDoubt: inDoubt && kind !== 'list' });
  }
}

async function nothingMade(bench: Bench): Promise<void> {
  expect(await bench.test.truth()).toEqual([]);
}

/** What can go wrong with a call, each with its code and whether it leaves a doubt. */
export const failureCases = {
  'no room is capacity': async (bench) => {
    await bench.test.room(0);
    await bench.fails(bench.cloud.launch(bench.order(1), bench.signal), { code: 'capacity', inDoubt: false });
    await nothingMade(bench);
  },

  'the account at its limit is quota': async (bench) => {
    await bench.test.allowance(1);
    await bench.cloud.launch(bench.order(1), bench.signal);
    // A cloud may count a machine only once it has found a place for it.
    await bench.elapse(1000);
    await bench.fails(bench.cloud.launch(bench.order(1), bench.signal), { code: 'quota', inDoubt: false });
    expect(await bench.test.truth()).toHaveLength(1);
  },

  'an unknown image is notFound': async (bench) => {
    const order = bench.order(1, { boot: bench.test.bootUnknown });
    await bench.fails(bench.cloud.launch(order, bench.signal), { code: 'notFound', inDoubt: false });
    await nothingMade(bench);
  },

  'what this cloud does not have is unsupported': async (bench) => {
    const { lacking } = bench.test;
    if (lacking === undefined) throw new Error('a cloud that lacks nothing: this case is a gap of its');
    await bench.fails(bench.cloud.launch(bench.order(1, lacking), bench.signal), {
      code: 'unsupported',
      inDoubt: false,
    });
    await nothingMade(bench);
  },

  'refused credentials are auth': async (bench) => {
    const wrong = { ...bench, cloud: bench.connect('wrong') };
    for (const kind of kinds) await bench.fails(call(wrong, kind), { code: 'auth', inDoubt: false });
    await wrong.cloud.close();
    await nothingMade(bench);
  },

  'an expired session is renewed once, and what was refused is carried out': async (bench) => {
    const { session } = bench.test;
    if (session === undefined) throw new Error('a cloud without log-ins: this case is a gap of its');
    await bench.cloud.list(bench.signal);
    const before = await session.logIns();
    await session.expire();
    await bench.cloud.launch(bench.order(1), bench.signal);
    expect(await bench.test.truth()).toHaveLength(1);
    expect((await session.logIns()) - before).toBe(1);
    await session.expire();
    const lists = Array.from({ length: 5 }, () => bench.cloud.list(bench.signal));
    for (const listed of await Promise.all(lists)) expect(listed).toHaveLength(1);
    expect((await session.logIns()) - before).toBe(2);
  },

  'an address where nobody listens is unavailable and leaves no doubt': async (bench) => {
    const nowhere = { ...bench, cloud: bench.connect('nowhere') };
    for (const kind of kinds) await bench.fails(call(nowhere, kind), { code: 'unavailable', inDoubt: false });
    await nowhere.cloud.close();
  },

  'a create too many is rateLimited and leaves no doubt': async (bench) => {
    await bench.test.fault('create', 'throttled');
    await bench.fails(bench.cloud.launch(bench.order(1), bench.signal), {
      code: 'rateLimited',
      inDoubt: false,
    });
    await nothingMade(bench);
    await bench.cloud.launch(bench.order(1), bench.signal);
  },

  'any call too many is rateLimited, and says how long to wait where the cloud does': async (bench) => {
    for (const kind of kinds) {
      await bench.test.fault(kind, 'throttled');
      const error = await bench.fails(call(bench, kind), { code: 'rateLimited', inDoubt: false });
      expect(error.retryAfterMs).toBe(7000);
    }
  },

  'a service in trouble is unavailable, and a change is in doubt': async (bench) => {
    await eachFails(bench, 'trouble', 'unavailable', true);
  },

  'sends nothing again by itself, and works when the trouble is over': async (bench) => {
    const before = { create: await bench.test.calls('create'), list: await bench.test.calls('list') };
    await bench.test.fault('create', 'trouble', 3);
    await bench.test.fault('list', 'trouble', 3);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await bench.fails(bench.cloud.launch(bench.order(1), bench.signal), {
        code: 'unavailable',
        inDoubt: true,
      });
      await bench.fails(bench.cloud.list(bench.signal), { code: 'unavailable', inDoubt: false });
      expect((await bench.test.calls('create')) - before.create).toBe(attempt);
      expect((await bench.test.calls('list')) - before.list).toBe(attempt);
    }
    await bench.cloud.launch(bench.order(1), bench.signal);
    expect(await bench.cloud.list(bench.signal)).toHaveLength(1);
  },

  'a connection cut before the answer leaves a change in doubt': async (bench) => {
    await eachFails(bench, 'cutBefore', 'unavailable', true);
    await nothingMade(bench);
  },

  'gives up a call that hangs when it is told to, and a change is in doubt': async (bench) => {
    for (const kind of kinds) {
      await bench.test.fault(kind, 'hang');
      const before = await bench.test.calls(kind);
      const giveUp = new AbortController();
      const failed = bench.fails(call(bench, kind, giveUp.signal), {
        code: 'timeout',
        inDoubt: kind !== 'list',
      });
      await vi.waitFor(async () => expect(await bench.test.calls(kind)).toBe(before + 1), {
        timeout: 10_000,
      });
      giveUp.abort();
      await failed;
    }
  },

  'finds what a create made that was given up': async (bench) => {
    await bench.test.fault('create', 'hang');
    const order = bench.order(2);
    const giveUp = new AbortController();
    const failed = bench.fails(bench.cloud.launch(order, giveUp.signal), { code: 'timeout', inDoubt: true });
    const seats = order.instances.length;
    await vi.waitFor(async () => expect(await bench.test.truth()).toHaveLength(seats), { timeout: 10_000 });
    giveUp.abort();
    await failed;
    expect(await bench.cloud.resolve(order.intent, bench.signal)).toHaveLength(seats);
  },

  'sends nothing that is given up before it begins': async (bench) => {
    for (const kind of kinds) {
      await bench.fails(call(bench, kind, AbortSignal.abort()), { code: 'timeout', inDoubt: false });
      expect(await bench.test.calls(kind)).toBe(0);
    }
  },

  'takes half an answer for none': async (bench) => {
    const { instances } = await bench.cloud.launch(bench.order(20), bench.signal);
    const target = instances[0]?.cloudId;
    for (const fault of ['halfCut', 'halfWhole'] as const) {
      for (const kind of kinds) {
        await bench.test.fault(kind, fault);
        const work = call(bench, kind, bench.signal, target);
        await bench.fails(work, { code: 'unavailable', inDoubt: kind !== 'list' });
      }
    }
  },

  'takes an empty success for none': async (bench) => {
    await eachFails(bench, 'empty', 'unavailable', true);
  },

  "takes somebody else's page for no answer": async (bench) => {
    await eachFails(bench, 'foreign', 'unavailable', true);
  },

  'reads no answer without end': async (bench) => {
    const before = process.memoryUsage().rss;
    await eachFails(bench, 'oversized', 'unavailable', true);
    expect(process.memoryUsage().rss - before).toBeLessThan(1024 ** 3);
  },

  'lets no secret out when the cloud repeats the request': async (bench) => {
    for (const kind of kinds) {
      await bench.test.fault(kind, 'echo');
      const error = await bench.fails(call(bench, kind), { code: 'invalid', inDoubt: false });
      expect(error.message.length).toBeLessThan(500);
    }
  },
} satisfies Record<string, Case>;
