import { onTestFinished } from 'vitest';
import { kubernetesDriver } from '../../../src/clouds/kubernetes/driver.ts';
import type { Cloud, LaunchOrder } from '../../../src/clouds/port.ts';
import { CloudError } from '../../../src/model/errors.ts';
import { CloudName, InstanceId, IntentId, OfferName, PoolName, SiteId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import { type LoopbackKubernetes, startLoopbackKubernetes } from '../../support/kubernetes/server.ts';
import { withToken } from '../../support/kubernetes/under-test.ts';

export const site = 'site-a';

/** The loopback server and the driver on it, with one clock for both. */
export interface KubernetesBench {
  readonly server: LoopbackKubernetes;
  readonly world: LoopbackKubernetes['world'];
  readonly cloud: Cloud;
  readonly signal: AbortSignal;
  /** What was logged as a warning or worse: fields and message. */
  readonly warnings: readonly unknown[];
  readonly elapse: (ms: number) => void;
  /** Another process with the same site. */
  readonly connect: (more?: Readonly<Record<string, unknown>>, as?: string) => Cloud;
}

export async function kubernetesBench(): Promise<KubernetesBench> {
  const server = await startLoopbackKubernetes();
  const warnings: unknown[] = [];
  const note = (...line: readonly unknown[]) => warnings.push(line);
  const log: Log = { debug() {}, info() {}, warn: note, error: note, child: () => log };
  let nowMs = 1_000_000;
  const clock = { wallNow: () => nowMs, monotonicNow: () => nowMs, sleep: async () => {} };
  const made: Cloud[] = [];
  const connect: KubernetesBench['connect'] = (more = {}, as = site) => {
    const cloud = kubernetesDriver.create(withToken(server.url, server.token, more), {
      site: SiteId(as),
      cloud: CloudName('c'),
      clock,
      log,
    });
    made.push(cloud);
    return cloud;
  };
  onTestFinished(async () => {
    for (const cloud of made) await cloud.close();
    await server.stop();
  });
  return {
    server,
    world: server.world,
    cloud: connect(),
    signal: AbortSignal.timeout(60_000),
    warnings,
    elapse(ms) {
      nowMs += ms;
      server.advance(ms);
    },
    connect,
  };
}

let intents = 0;

/** `boot` is the offer's block as it stands in a config. */
export function anOrder(boot: object = {}, change: Partial<LaunchOrder> = {}): LaunchOrder {
  intents += 1;
  const intent = change.intent ?? IntentId(`in-${intents}`);
  return {
    intent,
    instances: [InstanceId(`${intent}-0`)],
    pool: PoolName('p'),
    offer: OfferName('o'),
    market: 'onDemand',
    settings: kubernetesDriver.offerSchema.parse({ image: 'registry.example.org/worker:1', ...boot }),
    userData: '#!/bin/sh\necho hello\n',
    ...change,
  };
}

export async function errorOf(work: Promise<unknown>): Promise<CloudError> {
  const thrown = await work.then(
    () => new Error('no error'),
    (error: unknown) => error,
  );
  if (thrown instanceof CloudError) return thrown;
  throw thrown;
}
