import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cloud } from '../../../src/clouds/port.ts';
import { CloudError } from '../../../src/model/errors.ts';
import { CloudId } from '../../../src/model/ids.ts';
import { stateOf, usualStock } from '../../support/cloudstack/world.ts';
import type { Fault } from '../../support/loopback/faults.ts';
import { type Bench, openBench } from './bench.ts';

/**
 * Whatever goes wrong in whatever order: a create that left no doubt made nothing, what one in doubt made is found by its intent,
 * a list that does not fail shows every machine, one that is said to be gone is, and in the end nothing is left, disks neither.
 */

type Step =
  | { readonly kind: 'launch'; readonly dataDisk: boolean }
  | { readonly kind: 'terminate'; readonly machine: number }
  | { readonly kind: 'list' }
  | { readonly kind: 'restart' }
  | { readonly kind: 'pass'; readonly ms: number };

/** By their ids: a launch is then one call, and what goes wrong goes wrong with that. */
const byId = {
  zone: usualStock.zones[0]?.id,
  serviceOffering: usualStock.serviceOfferings[0]?.id,
  template: usualStock.templates[0]?.id,
};
const dataDisk = { offering: usualStock.diskOfferings[0]?.id };

const fault = fc.constantFrom<Fault>(
  { kind: 'error', status: 530, code: '' },
  { kind: 'error', status: 429, code: '' },
  { kind: 'error', status: 533, code: '' },
  { kind: 'cut', when: 'before' },
  { kind: 'cut', when: 'after' },
  { kind: 'half', after: 'cut' },
  { kind: 'half', after: 'whole' },
  { kind: 'body', when: 'after', status: 200, body: '' },
  { kind: 'body', when: 'after', status: 502, body: 'gateway' },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('launch' as const), dataDisk: fc.boolean() }),
  fc.record({ kind: fc.constant('terminate' as const), machine: fc.nat({ max: 6 }) }),
  fc.record({ kind: fc.constant('list' as const) }),
  fc.record({ kind: fc.constant('restart' as const) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(10, 500, 60_000) }),
);
const steps = fc.array(fc.record({ step, fault: fc.option(fault, { freq: 3 }) }), {
  minLength: 5,
  maxLength: 20,
});

/** What came of it, or an error of the closed set. */
async function attempt<T>(work: Promise<T>): Promise<T | CloudError> {
  return await work.catch((error: unknown) => {
    if (error instanceof CloudError) return error;
    throw error;
  });
}

async function take(bench: Bench, cloud: Cloud, step: Exclude<Step, { kind: 'restart' }>): Promise<void> {
  const { server, signal } = bench;
  const { world } = server;
  switch (step.kind) {
    case 'launch': {
      const before = world.machines.length;
      const order = bench.order(step.dataDisk ? { ...byId, dataDisk } : byId);
      const result = await attempt(cloud.launch(order, signal));
      server.faults.clear();
      const made = world.machines.slice(before).map(({ id }) => id);
      expect(made.length).toBeLessThanOrEqual(1);
      if (result instanceof CloudError && !result.inDoubt) expect(made).toEqual([]);
      const found = await cloud.resolve(order.intent, signal);
      expect(found.map(({ cloudId }) => cloudId)).toEqual(made);
      return;
    }
    case 'terminate': {
      const target = world.machines[step.machine];
      if (target === undefined) return;
      const result = await attempt(cloud.terminate(CloudId(target.id), signal));
      if (result === 'gone') expect(stateOf(world, target)).toBe('Expunged');
      return;
    }
    case 'list': {
      const seen = await attempt(cloud.list(signal));
      if (seen instanceof CloudError) return;
      const there = world.machines.filter((machine) => stateOf(world, machine) !== 'Expunged');
      expect(seen.map(({ cloudId }) => cloudId).toSorted()).toEqual(there.map(({ id }) => id).toSorted());
      return;
    }
    case 'pass':
      server.advance(step.ms);
      return;
  }
}

/** As the daemon does it: lists, and ends what it sees, step by step. */
async function endAll({ server, signal }: Bench, cloud: Cloud): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    for (const { cloudId } of await cloud.list(signal)) await attempt(cloud.terminate(cloudId, signal));
    server.advance(1000);
  }
  expect(await cloud.list(signal)).toEqual([]);
}

describe('the driver for CloudStack, under faults', () => {
  it('keeps its promises', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        const bench = await openBench({ pageSize: 2 });
        const { server } = bench;
        Object.assign(server.world.levers, { bootMs: 400, stopMs: 500 });
        let { cloud } = bench;
        try {
          for (const { step, fault } of run) {
            if (step.kind === 'restart') {
              cloud = bench.connect();
              // As the daemon does, before anything else.
              await cloud.list(bench.signal);
              continue;
            }
            if (fault !== null) server.faults.set('*', fault);
            await take(bench, cloud, step);
            server.faults.clear();
          }
          await endAll(bench, cloud);
          expect(server.living()).toEqual([]);
          expect(server.world.disks.filter((disk) => !disk.isGone)).toEqual([]);
        } finally {
          await bench.close();
        }
      }),
      { numRuns: 200 },
    );
  }, 60_000);
});
