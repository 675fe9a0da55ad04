import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { anOrder, errorOf, kubernetesBench } from './bench.ts';

interface Rules {
  readonly kind: string;
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

/** What the roles of a manifest in config/kubernetes give, as `create pods`. */
function rightsIn(name: string): ReadonlySet<string> {
  const path = join(import.meta.dirname, '../../../config/kubernetes', name);
  const objects = parseAllDocuments(readFileSync(path, 'utf8')).map((one) => one.toJS() as Rules);
  const rules = objects.flatMap(({ rules: some = [] }) => some);
  return new Set(
    rules.flatMap(({ resources, verbs }) =>
      resources.flatMap((one) => verbs.map((verb) => `${verb} ${one}`)),
    ),
  );
}

it('the rights of config/kubernetes/rbac.yaml are what the driver needs', async () => {
  const { cloud, world, server, signal } = await kubernetesBench();
  world.rights.set('provisioner', rightsIn('rbac.yaml'));
  const order = anOrder();
  server.fault('POST secrets', { kind: 'cut', when: 'before' });
  await errorOf(cloud.launch(order, signal));
  // The pod is there already: it is looked at.
  const { instances } = await cloud.launch(order, signal);
  expect(await cloud.list(signal)).toHaveLength(1);
  expect(await cloud.resolve(order.intent, signal)).toHaveLength(1);
  expect(await cloud.quota(signal)).toBeNull();
  for (const { cloudId } of instances) await cloud.terminate(cloudId, signal);
  expect(await cloud.list(signal)).toEqual([]);
});

it('and no more than that', () => {
  const called = [
    'create pods',
    'get pods',
    'list pods',
    'watch pods',
    'delete pods',
    'create secrets',
    'list resourcequotas',
  ];
  expect([...rightsIn('rbac.yaml')].toSorted()).toEqual(called.toSorted());
  expect([...rightsIn('catalog.yaml')]).toEqual(['list nodes']);
});
