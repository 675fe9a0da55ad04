import type { Catalog } from '../../model/catalog.ts';
import type { Quota } from '../port.ts';
import type { Account } from './account.ts';
import type { Kubernetes } from './client/client.ts';
import type { Node, ResourceQuota } from './client/objects.ts';
import { quantityOf } from './client/quantity.ts';
import { cloudErrorOf } from './errors.ts';

const mib = 2 ** 20;

/**
 * What the namespace's quotas leave, other people's pods counted. Null where there is none, or where the identity may not read
 * them: that is said once.
 */
export async function readQuota(
  account: Account,
  client: Kubernetes,
  signal: AbortSignal,
): Promise<Quota | null> {
  let rows: readonly ResourceQuota[];
  try {
    rows = await client.quotas(signal);
  } catch (thrown) {
    const error = cloudErrorOf(thrown, { write: false });
    if (error.code !== 'auth') throw error;
    const { said } = account.memory;
    if (!said.has('quota'))
      account.log.warn({ problem: error.message }, 'the quotas of the namespace cannot be read');
    said.add('quota');
    return null;
  }
  const counted = rows.filter(countsWorkers);
  const least = (names: readonly string[], unit: number) => {
    const all = counted.flatMap((row) => names.flatMap((name) => leftOf(row, name)));
    return all.length === 0 ? null : Math.max(0, Math.floor(Math.min(...all) / unit + 1e-9));
  };
  const quota = {
    instances: least(['pods', 'count/pods'], 1),
    cpus: least(['cpu', 'requests.cpu', 'limits.cpu'], 1),
    memoryMiB: least(['memory', 'requests.memory', 'limits.memory'], mib),
  };
  return Object.values(quota).every((figure) => figure === null) ? null : quota;
}

/** A quota may be of some pods only: workers have requests and no deadline, and their priority is the template's. */
function countsWorkers({ spec }: ResourceQuota): boolean {
  if (spec?.scopeSelector !== undefined && spec.scopeSelector !== null) return false;
  return (spec?.scopes ?? []).every((scope) => scope === 'NotTerminating' || scope === 'NotBestEffort');
}

/** A quota without a status is not enforced yet. */
function leftOf({ status }: ResourceQuota, name: string): readonly number[] {
  const hard = quantityOf(status?.hard[name] ?? '');
  const used = quantityOf(status?.used[name] ?? '0');
  return hard === null || used === null ? [] : [hard - used];
}

const architectures: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64', '386': 'i686' };

/**
 * Kinds of nodes: what a pod can be at most. Images are not a cluster's to list. Empty where the identity may not read nodes,
 * which are the whole cluster's.
 */
export async function readCatalog(
  account: Account,
  client: Kubernetes,
  signal: AbortSignal,
): Promise<Catalog> {
  let nodes: readonly Node[];
  try {
    nodes = await client.nodes(signal);
  } catch (thrown) {
    const error = cloudErrorOf(thrown, { write: false });
    if (error.code !== 'auth') throw error;
    account.log.warn(
      { problem: error.message },
      'the nodes of the cluster cannot be read: the catalog is empty',
    );
    return { flavors: [], images: [], zones: [] };
  }
  const usable = nodes.filter(({ spec }) => spec?.unschedulable !== true);
  const flavors = new Map(usable.map((node) => [JSON.stringify(flavorOf(node)), flavorOf(node)]));
  const zones = usable.map(({ metadata: { labels } }) => labels['topology.kubernetes.io/zone'] ?? '');
  return {
    flavors: [...flavors.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    images: [],
    zones: [...new Set(zones.filter((zone) => zone !== ''))].toSorted(),
  };
}

function flavorOf({ metadata: { labels }, status }: Node): Catalog['flavors'][number] {
  const has = (name: string) => quantityOf(status?.allocatable[name] ?? '') ?? 0;
  const cpus = Math.floor(has('cpu'));
  const memoryMiB = Math.floor(has('memory') / mib);
  const gpus = Object.keys(status?.allocatable ?? {})
    .filter((name) => name.endsWith('/gpu'))
    .reduce((sum, name) => sum + has(name), 0);
  const arch = labels['kubernetes.io/arch'] ?? 'amd64';
  const kind = labels['node.kubernetes.io/instance-type'];
  return {
    name: kind ?? `node of ${cpus} cpus`,
    resources: { cpus, memoryMiB, diskMiB: Math.floor(has('ephemeral-storage') / mib), gpus },
    arch: architectures[arch] ?? arch,
  };
}
