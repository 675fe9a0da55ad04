import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { Cloud, LaunchOrder } from '../../../src/clouds/port.ts';
import type { Clock } from '../../../src/model/clock.ts';
import { CloudError, type CloudErrorCode } from '../../../src/model/errors.ts';
import { CloudId, InstanceId, IntentId, OfferName, PoolName } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import type { CloudUnderTest } from './harness.ts';

export const ourSite = 'site-a';
export const userDataSecret = 'join-token-4f9Qm2LxWb7Tz';

/** What one case works with: a fresh cloud, our connection to it, a clock that moves by hand, and open ears. */
export interface Bench {
  readonly test: CloudUnderTest;
  readonly cloud: Cloud;
  readonly signal: AbortSignal;
  connect(to: 'cloud' | 'wrong' | 'nowhere', site?: string): Cloud;
  /** An order of `seats` machines, or as many as one call may make, under an intent of its own. */
  order(seats: number, change?: Partial<LaunchOrder> & { readonly boot?: unknown }): LaunchOrder;
  /** Lets time pass for the cloud and for the driver. */
  elapse(ms: number): Promise<void>;
  /** The call must fail so. */
  fails(work: Promise<unknown>, expected: ExpectedError): Promise<CloudError>;
  /** Everything that was logged, and every error that was seen. */
  heard(): readonly string[];
}

export interface ExpectedError {
  readonly code: CloudErrorCode | readonly CloudErrorCode[];
  readonly inDoubt?: boolean;
}

/** Ids that no earlier run on the same server has used. */
let lastIntent = Math.floor(Date.now() / 1000) * 1000;

export function makeBench(test: CloudUnderTest): Bench {
  const heard: string[] = [];
  let nowMs = 1_000_000;
  const clock: Clock = {
    wallNow: () => nowMs,
    monotonicNow: () => nowMs,
    sleep: async () => {},
  };
  const note = (value: unknown) =>
    heard.push(inspect(value, { depth: 12, showHidden: true, maxStringLength: null }));
  const log: Log = {
    debug: (...line) => note(line),
    info: (...line) => note(line),
    warn: (...line) => note(line),
    error: (...line) => note(line),
    child: () => log,
  };
  const connect: Bench['connect'] = (to, site = ourSite) => test.connect({ site, clock, log, to });
  return {
    test,
    cloud: connect('cloud'),
    signal: AbortSignal.timeout(60_000),
    connect,
    order(seats, change = {}) {
      lastIntent += 1;
      const intent = IntentId(`in-${lastIntent}`);
      const { boot = test.boot, ...rest } = change;
      return {
        intent,
        instances: Array.from({ length: Math.min(seats, test.driver.capabilities.batchMax) }, (_, seat) =>
          InstanceId(`${intent}-${seat}`),
        ),
        pool: PoolName('pool-a'),
        offer: OfferName('offer-a'),
        market: 'onDemand',
        settings: test.driver.offerSchema.parse(boot),
        userData: `#!/bin/sh\necho ${userDataSecret}\n`,
        ...rest,
      };
    },
    async elapse(ms) {
      nowMs += ms;
      await test.elapse(ms);
    },
    async fails(work, expected) {
      const error = await work.then(
        (value) => new Error(`no error, but ${inspect(value)}`),
        (thrown: unknown) => thrown,
      );
      note(error);
      heard.push(String(error), JSON.stringify(error));
      if (!(error instanceof CloudError)) throw new Error(`not a CloudError: ${inspect(error)}`);
      expect([expected.code].flat(), error.message).toContain(error.code);
      if (expected.inDoubt !== undefined) expect(error.inDoubt, error.message).toBe(expected.inDoubt);
      return error;
    },
    heard: () => heard,
  };
}

/** A case ends with this: whatever it provoked, no secret came out. */
export function expectNoSecret(bench: Bench): void {
  const secrets = [...bench.test.secrets, userDataSecret];
  for (const text of bench.heard()) {
    for (const secret of secrets) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, -4));
    }
  }
}

export const neverSeen = CloudId('i-0123456789abcdef0');

export type Case = (bench: Bench) => Promise<void>;
