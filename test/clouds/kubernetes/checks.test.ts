import { describe, expect, it } from 'vitest';
import { kubernetesDriver } from '../../../src/clouds/kubernetes/driver.ts';
import type { CheckedOffer } from '../../../src/clouds/port.ts';
import type { CheckFinding } from '../../../src/model/check.ts';
import { OfferName } from '../../../src/model/ids.ts';
import { preload, withToken } from '../../support/kubernetes/under-test.ts';
import { errorOf, type KubernetesBench, kubernetesBench, site } from './bench.ts';

const resources = { cpus: 2, memoryMiB: 4096, diskMiB: 1024, gpus: 0 };

function offer(name: string, boot: object = {}): CheckedOffer {
  const settings = kubernetesDriver.offerSchema.parse({ image: 'a:1', cpus: 2, memory: '4GiB', ...boot });
  return { name: OfferName(name), market: 'onDemand', resources, settings };
}

/** What the checks of one subject find. */
async function look(
  { cloud, signal }: Pick<KubernetesBench, 'cloud' | 'signal'>,
  subject: string,
  offers: readonly CheckedOffer[] = [offer('a')],
  machinesMax = 10,
): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  for (const check of cloud.checks?.({ offers, machinesMax }) ?? []) {
    if (check.subject === subject) findings.push(...(await check.run(signal)));
  }
  return findings;
}

describe('what is looked at of a cluster', () => {
  it('changes nothing there', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    for (const check of cloud.checks?.({ offers: [offer('a')], machinesMax: 1 }) ?? [])
      await check.run(signal);
    expect([world.pods, world.secrets]).toEqual([[], []]);
  });

  it('is the version and the namespace, by whom the server knows', async () => {
    const bench = await kubernetesBench();
    expect(await look(bench, 'login')).toEqual([
      { verdict: 'ok', message: 'Kubernetes v1.36.3, namespace workers' },
    ]);
    bench.world.tokens.clear();
    expect(await errorOf(look(bench, 'login'))).toMatchObject({ code: 'auth' });
  });

  it('is the clock', async () => {
    const bench = await kubernetesBench();
    expect(await look(bench, 'clock')).toMatchObject([{ verdict: 'ok' }]);
    bench.server.advance(300_000);
    expect(await look(bench, 'clock')).toMatchObject([{ verdict: 'warning', figures: { skewMs: 300_000 } }]);
  });

  it('is each right that the driver needs', async () => {
    const bench = await kubernetesBench();
    preload(bench.world, site, 'one');
    expect(await look(bench, 'rights')).toMatchObject([{ verdict: 'ok', figures: { instances: 1 } }]);
    bench.world.rights.set(
      'provisioner',
      new Set(['create pods', 'get pods', 'list pods', 'create secrets']),
    );
    const [lacking] = await look(bench, 'rights');
    expect(lacking).toMatchObject({ verdict: 'error' });
    expect(lacking?.message).toContain('no right to delete pods in namespace workers');
    const all = ['create pods', 'get pods', 'list pods', 'delete pods', 'create secrets'];
    bench.world.rights.set('provisioner', new Set(all));
    expect((await look(bench, 'rights')).map(({ verdict }) => verdict)).toEqual(['ok', 'warning', 'warning']);
    bench.world.rights.set('provisioner', new Set([...all, 'list resourcequotas']));
    expect((await look(bench, 'rights'))[1]?.message).toBe(
      'no right to watch pods: changes are seen at the next poll',
    );
  });

  it('is what the quota leaves', async () => {
    const bench = await kubernetesBench();
    expect(await look(bench, 'quota')).toMatchObject([{ verdict: 'ok', message: 'there is no limit' }]);
    const hard = { pods: '4', 'requests.cpu': '3' };
    bench.world.quotas.push({ metadata: { name: 'q' }, status: { hard, used: { 'requests.cpu': '2' } } });
    const found = await look(bench, 'quota', [offer('a')], 10);
    expect(found[0]).toMatchObject({ verdict: 'ok', figures: { instancesLeft: 4, cpusLeft: 1 } });
    expect(found[1]).toMatchObject({ verdict: 'error', offers: ['a'] });
    bench.world.rights.set('provisioner', new Set(['list pods']));
    expect(await look(bench, 'quota')).toMatchObject([{ verdict: 'unknown' }]);
  });

  it('is whether the server would accept each pod', async () => {
    const bench = await kubernetesBench();
    const offers = [
      offer('well'),
      offer('typo', { pod: { spec: { nodeSelektor: {} } } }),
      offer('small', { cpus: 1 }),
      offer('open', { cpus: undefined }),
    ];
    const found = await look(bench, 'flavors', offers);
    const said = found.map(({ verdict, offers: about, message }) => [verdict, about?.join(), message]);
    expect(said).toEqual([
      ['error', 'typo', expect.stringContaining('unknown field "nodeSelektor"')],
      ['error', 'small', 'the pod has less than the offer says: 1 of 2 CPUs'],
      ['warning', 'open', expect.stringContaining('does not say how much it needs')],
    ]);
    expect(await look(bench, 'flavors')).toMatchObject([{ verdict: 'ok' }]);
    bench.world.levers.podsMax = 0;
    const [full] = await look(bench, 'flavors');
    expect(full).toMatchObject({ verdict: 'error', message: expect.stringContaining('exceeded quota') });
  });

  it('is whether a node is large enough', async () => {
    const bench = await kubernetesBench();
    expect(await look(bench, 'zones')).toMatchObject([{ verdict: 'ok' }]);
    const large = { ...offer('large'), resources: { ...resources, cpus: 64 } };
    expect(await look(bench, 'zones', [large])).toMatchObject([{ verdict: 'warning', offers: ['large'] }]);
    bench.world.rights.set('provisioner', new Set(['list pods']));
    expect(await look(bench, 'zones')).toMatchObject([{ verdict: 'unknown' }]);
  });

  it('is said to be out of reach where it is', async () => {
    const { signal } = await kubernetesBench();
    const settings = withToken('http://127.0.0.1:1', 'token');
    const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
    const clock = { wallNow: () => 0, monotonicNow: () => 0, sleep: async () => {} };
    const deps = { site: 's', cloud: 'c', clock, log } as unknown as Parameters<
      typeof kubernetesDriver.create
    >[1];
    const cloud = kubernetesDriver.create(settings, deps);
    expect(await errorOf(look({ cloud, signal }, 'login'))).toMatchObject({ code: 'unavailable' });
    await cloud.close();
  });
});
