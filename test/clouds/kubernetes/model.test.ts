import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { kubernetesDriver } from '../../../src/clouds/kubernetes/driver.ts';
import type { Cloud } from '../../../src/clouds/port.ts';
import { CloudError } from '../../../src/model/errors.ts';
import { CloudId, CloudName, SiteId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import { type LoopbackKubernetes, startLoopbackKubernetes } from '../../support/kubernetes/server.ts';
import { userDataOf, withToken } from '../../support/kubernetes/under-test.ts';
import { exists } from '../../support/kubernetes/world.ts';
import type { Fault } from '../../support/loopback/faults.ts';
import { anOrder, site } from './bench.ts';

/**
 * Whatever goes wrong in whatever order: a create that left no doubt made nothing that stays, what one in doubt made is found by its
 * intent, the same order again makes each pod once and gives it its user data, a list that does not fail shows every pod, one that
 * is said to be gone is, and in the end nothing is left.
 */
type Step =
  | { readonly kind: 'launch'; readonly again: boolean }
  | { readonly kind: 'terminate'; readonly machine: number }
  | { readonly kind: 'list' }
  | { readonly kind: 'restart' }
  | { readonly kind: 'pass'; readonly ms: number };

const fault = fc.constantFrom<Fault>(
  { kind: 'error', status: 500, code: 'trouble' },
  { kind: 'error', status: 429, code: 'too many' },
  { kind: 'error', status: 403, code: 'pods "p" is forbidden: exceeded quota: q' },
  { kind: 'cut', when: 'before' },
  { kind: 'cut', when: 'after' },
  { kind: 'half', after: 'cut' },
  { kind: 'half', after: 'whole' },
  { kind: 'body', when: 'after', status: 200, body: '' },
  { kind: 'body', when: 'after', status: 504, body: 'gateway' },
);
/** What goes wrong, and with which of a step's calls. */
const trouble = fc.record({ fault, kind: fc.constantFrom('POST pods', 'POST secrets', 'GET pods', '*') });

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('launch' as const), again: fc.boolean() }),
  fc.record({ kind: fc.constant('terminate' as const), machine: fc.nat({ max: 6 }) }),
  fc.record({ kind: fc.constant('list' as const) }),
  fc.record({ kind: fc.constant('restart' as const) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(10, 500, 60_000) }),
);
const steps = fc.array(fc.record({ step, trouble: fc.option(trouble, { freq: 3 }) }), {
  minLength: 5,
  maxLength: 20,
});

const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const clock = { wallNow: () => 0, monotonicNow: () => 0, sleep: async () => {} };
const signal = AbortSignal.timeout(120_000);

function connect(server: LoopbackKubernetes): Cloud {
  const settings = withToken(server.url, server.token, { pageSize: 10 });
  return kubernetesDriver.create(settings, { site: SiteId(site), cloud: CloudName('c'), clock, log });
}

/** What came of it, or an error of the closed set. */
async function attempt<T>(work: Promise<T>): Promise<T | CloudError> {
  return await work.catch((error: unknown) => {
    if (error instanceof CloudError) return error;
    throw error;
  });
}

async function take(
  server: LoopbackKubernetes,
  cloud: Cloud,
  step: Exclude<Step, { kind: 'restart' }>,
  calm: () => void,
): Promise<void> {
  const { world } = server;
  switch (step.kind) {
    case 'launch': {
      const before = world.pods.length;
      const order = anOrder();
      const result = await attempt(cloud.launch(order, signal));
      calm();
      const made = world.pods.slice(before).filter((pod) => exists(world, pod) && pod.deletedAtMs === null);
      expect(made.length).toBeLessThanOrEqual(1);
      if (result instanceof CloudError && !result.inDoubt) expect(made).toEqual([]);
      const ids = made.map(({ name, uid }) => `${name}/${uid}`);
      const found = await cloud.resolve(order.intent, signal);
      expect(found.filter(({ state }) => state !== 'ending').map(({ cloudId }) => cloudId)).toEqual(ids);
      if (step.again && result instanceof CloudError && result.inDoubt && found.length === 0) {
        await cloud.launch(order, signal);
      }
      for (const pod of world.pods.slice(before).filter((one) => one.deletedAtMs === null)) {
        expect(userDataOf(world, pod.uid)?.toString()).toBe(order.userData);
      }
      return;
    }
    case 'terminate': {
      const target = world.pods[step.machine];
      if (target === undefined) return;
      const result = await attempt(cloud.terminate(CloudId(`${target.name}/${target.uid}`), signal));
      if (result === 'gone') expect(exists(world, target)).toBe(false);
      return;
    }
    case 'list': {
      const seen = await attempt(cloud.list(signal));
      if (seen instanceof CloudError) return;
      const there = world.pods.filter((pod) => exists(world, pod)).map(({ name, uid }) => `${name}/${uid}`);
      expect(seen.map(({ cloudId }) => String(cloudId)).toSorted()).toEqual(there.toSorted());
      return;
    }
    case 'pass':
      server.advance(step.ms);
      return;
  }
}

it('the driver for Kubernetes keeps its promises under faults', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (run) => {
      const server = await startLoopbackKubernetes();
      Object.assign(server.world.levers, { bootMs: 400, stopMs: 500 });
      let cloud = connect(server);
      try {
        for (const { step, trouble: wrong } of run) {
          if (step.kind === 'restart') {
            await cloud.close();
            cloud = connect(server);
            continue;
          }
          if (wrong !== null) server.fault(wrong.kind, wrong.fault);
          await take(server, cloud, step, () => server.calm());
          server.calm();
        }
        for (let round = 0; round < 3; round += 1) {
          for (const { cloudId } of await cloud.list(signal)) await cloud.terminate(cloudId, signal);
          server.advance(1000);
        }
        expect(await cloud.list(signal)).toEqual([]);
      } finally {
        await cloud.close();
        await server.stop();
      }
    }),
    { numRuns: 100 },
  );
}, 120_000);
