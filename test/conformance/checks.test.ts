import { describe, expect, it } from 'vitest';
import type { CheckedOffer } from '../../src/clouds/port.ts';
import type { CheckFinding } from '../../src/model/check.ts';
import { OfferName } from '../../src/model/ids.ts';
import { startCloudstackUnderTest } from '../support/cloudstack/under-test.ts';
import { startKubernetesOnLoopback } from '../support/kubernetes/under-test.ts';
import { startLocal } from '../support/localUnderTest.ts';
import { startEc2OnLoopback } from '../support/loopback-ec2/under-test.ts';
import { startOpenstackOnLoopback } from '../support/openstack/under-test.ts';
import { type Bench, expectNoSecret, makeBench } from './driver/bench.ts';
import type { CloudUnderTest } from './driver/harness.ts';

/** What every driver's checks keep to. */
const clouds = {
  cloudstack: startCloudstackUnderTest,
  ec2: startEc2OnLoopback,
  kubernetes: startKubernetesOnLoopback,
  local: startLocal,
  openstack: startOpenstackOnLoopback,
} satisfies Readonly<Record<string, () => Promise<CloudUnderTest>>>;

const resources = { cpus: 1, memoryMiB: 100, diskMiB: 1, gpus: 0 };

async function withBench(start: () => Promise<CloudUnderTest>, work: (bench: Bench) => Promise<void>) {
  const test = await start();
  const bench = makeBench(test);
  try {
    await work(bench);
  } finally {
    await bench.cloud.close();
    await test.stop();
  }
}

function offerOf({ test }: Bench, name: string, boot: unknown): CheckedOffer {
  const settings = test.driver.offerSchema.parse(boot);
  return { name: OfferName(name), market: 'onDemand', resources, settings };
}

/** What all of them find, as `check --live` runs them; what is thrown is noted. */
async function findingsOf(bench: Bench, cloud: Bench['cloud'], offers: readonly CheckedOffer[]) {
  const all: (CheckFinding & { readonly subject: string })[] = [];
  for (const check of cloud.checks?.({ offers, machinesMax: 10 }) ?? []) {
    const { subject } = check;
    try {
      all.push(...(await check.run(bench.signal)).map((finding) => ({ ...finding, subject })));
    } catch (error) {
      all.push({ subject, verdict: 'error', message: String(error) });
      if (subject === 'login') break;
    }
  }
  return all;
}

describe.each(Object.entries(clouds))('the checks of %s', (name, start) => {
  it('find nothing wrong with an offer that works, and make, change and end nothing', () =>
    withBench(start, async (bench) => {
      await bench.test.preload('site-b', 1).catch(() => {}); // this host has no such lever
      const before = await bench.test.truth();
      const findings = await findingsOf(bench, bench.cloud, [offerOf(bench, 'good', bench.test.boot)]);
      // The bench's clock is not the server's.
      const wrong = findings.filter(({ verdict, subject }) => verdict === 'error' && subject !== 'clock');
      expect(wrong).toEqual([]);
      expect(await bench.test.truth()).toEqual(before);
    }));

  it('begin with the log-in, and say each thing on one line', () =>
    withBench(start, async (bench) => {
      const offers = [offerOf(bench, 'good', bench.test.boot), offerOf(bench, 'bad', bench.test.bootUnknown)];
      const findings = await findingsOf(bench, bench.cloud, offers);
      expect(findings[0]?.subject).toBe('login');
      for (const { message } of findings) expect(message).toMatch(/^[^\p{Cc}]{5,500}$/u);
      expectNoSecret({ ...bench, heard: () => findings.map(({ message }) => message) });
    }));

  // Whether an image can be pulled a node of Kubernetes finds out.
  it.skipIf(name === 'kubernetes')('blame what an offer names on that offer alone', () =>
    withBench(start, async (bench) => {
      const offers = [offerOf(bench, 'good', bench.test.boot), offerOf(bench, 'bad', bench.test.bootUnknown)];
      const findings = await findingsOf(bench, bench.cloud, offers);
      const errors = findings.filter(({ verdict, subject }) => verdict === 'error' && subject !== 'clock');
      expect(errors.length).toBeGreaterThan(0);
      for (const { offers: named } of errors) expect(named).toEqual(['bad']);
    }),
  );
});

const withLogIn = Object.entries(clouds).filter(([name]) => name !== 'local');

describe.each(withLogIn)('without the right credentials %s', (_name, start) => {
  it('refuses the log-in, and no secret is told', () =>
    withBench(start, async (bench) => {
      for (const to of ['wrong', 'nowhere'] as const) {
        const cloud = bench.connect(to);
        const findings = await findingsOf(bench, cloud, []);
        expect(findings[0]).toMatchObject({ subject: 'login', verdict: 'error' });
        expectNoSecret({ ...bench, heard: () => findings.map(({ message }) => message) });
        await cloud.close();
      }
    }));
});
