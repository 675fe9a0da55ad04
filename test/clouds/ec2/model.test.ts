import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cloud } from '../../../src/clouds/port.ts';
import { CloudError } from '../../../src/model/errors.ts';
import { CloudId, InstanceId, IntentId } from '../../../src/model/ids.ts';
import type { Fault } from '../../support/loopback/faults.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { anOrder, connectTo, soon } from './connection.ts';

/**
 * Whatever goes wrong in whatever order, an intent's machines are never more than its seats, a create that left no
 * doubt made nothing, and a list that does not fail shows everything that is older than its lag.
 */

const lagMs = 1000;

type Step =
  | { readonly kind: 'launch'; readonly intent: number; readonly seats: number }
  | { readonly kind: 'terminate'; readonly machine: number }
  | { readonly kind: 'list' }
  | { readonly kind: 'resolve'; readonly intent: number }
  | { readonly kind: 'pass'; readonly ms: number };

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.constantFrom<Fault>(
    { kind: 'error', status: 500, code: 'InternalError' },
    { kind: 'error', status: 503, code: 'RequestLimitExceeded' },
    { kind: 'cut', when: 'before' },
    { kind: 'cut', when: 'after' },
    { kind: 'half', after: 'cut' },
    { kind: 'half', after: 'whole' },
    { kind: 'body', when: 'after', status: 200, body: '' },
    { kind: 'body', when: 'after', status: 502, body: 'gateway' },
  ),
);

const intent = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('launch' as const), intent, seats: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('terminate' as const), machine: fc.nat({ max: 8 }) }),
  fc.record({ kind: fc.constant('list' as const) }),
  fc.record({ kind: fc.constant('resolve' as const), intent }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(10, lagMs) }),
);
const steps = fc.array(fc.record({ step, fault: fc.option(fault, { freq: 3 }) }), {
  minLength: 5,
  maxLength: 20,
});

const idOf = (n: number) => IntentId(`in-${n}`);

const madeBy = (server: LoopbackEc2, n: number) =>
  server.instances.filter(({ tags }) => tags.get('spillway:intent') === idOf(n));

/** The last of the intents is launched as a fleet. */
const bootOf = (n: number) =>
  n < 2
    ? {}
    : {
        launchTemplate: { id: 'lt-0123456789abcdef0', version: 1 },
        fleet: { types: ['c5.xlarge'], zones: ['us-east-1a', 'us-east-1b'] },
      };

/** Does it; null where it failed, with an error of the closed set. */
async function attempt<T>(work: Promise<T>): Promise<T | CloudError> {
  return await work.catch((error: unknown) => {
    if (error instanceof CloudError) return error;
    throw error;
  });
}

async function take(server: LoopbackEc2, cloud: Cloud, step: Step): Promise<void> {
  const before = server.instances.length;
  switch (step.kind) {
    case 'launch': {
      const instances = Array.from({ length: step.seats }, (_, seat) =>
        InstanceId(`${idOf(step.intent)}-${seat}`),
      );
      const result = await attempt(
        cloud.launch(anOrder(bootOf(step.intent), { intent: idOf(step.intent), instances }), soon()),
      );
      if (result instanceof CloudError && !result.inDoubt) expect(server.instances).toHaveLength(before);
      return;
    }
    case 'terminate': {
      const target = server.instances[step.machine];
      if (target === undefined) return;
      const result = await attempt(cloud.terminate(CloudId(target.id), soon()));
      if (result === 'gone') expect(server.state(target)).toBe('terminated');
      return;
    }
    case 'list': {
      const seen = await attempt(cloud.list(soon()));
      if (!(seen instanceof CloudError))
        expectOldOnes(
          server,
          seen.map((instance) => instance.cloudId),
        );
      return;
    }
    case 'resolve': {
      const seen = await attempt(cloud.resolve(idOf(step.intent), soon()));
      const made = madeBy(server, step.intent);
      if (seen instanceof CloudError) return;
      expectOldOnes(
        server,
        seen.map((instance) => instance.cloudId),
        made,
      );
      expect(seen.map((instance) => instance.seat)).toEqual(seen.map((_, seat) => seat));
      return;
    }
    case 'pass':
      server.advance(step.ms);
      return;
  }
}

function expectOldOnes(server: LoopbackEc2, seen: readonly CloudId[], among = server.instances): void {
  const nowMs = server.nowMs();
  const old = among.filter((instance) => instance.createdAtMs <= nowMs - lagMs);
  expect(seen).toEqual(expect.arrayContaining(old.map((instance) => instance.id)));
}

describe('the driver, under faults', () => {
  it('keeps its promises', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        const server = await startLoopbackEc2({ levers: { listLagMs: lagMs, bootMs: 500, stopMs: 500 } });
        const cloud = connectTo(server.endpoint);
        try {
          const seats = new Map<number, number>();
          for (const { step, fault } of run) {
            if (fault !== null) server.fault('*', fault);
            // The same intent always asks for the same number, as the core sees to.
            if (step.kind === 'launch') seats.set(step.intent, seats.get(step.intent) ?? step.seats);
            const same = step.kind === 'launch' ? { ...step, seats: seats.get(step.intent) ?? 0 } : step;
            await take(server, cloud, same);
            server.clearFaults();
            for (const [n, count] of seats) {
              const made = madeBy(server, n);
              expect(made.length).toBeLessThanOrEqual(count);
            }
          }
        } finally {
          await cloud.close();
          await server.stop();
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
