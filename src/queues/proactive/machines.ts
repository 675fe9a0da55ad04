import { symmetricMatch } from '../../classad/match.ts';
import { QueueError } from '../../model/errors.ts';
import type { InstanceId } from '../../model/ids.ts';
import type { QueueMachine } from '../port.ts';
import { machineToken } from './admission.ts';
import type { Book, MachineRecord } from './book.ts';
import type { Deployment } from './deployments.ts';
import type { Host } from './hosts.ts';
import type { NodeCalls } from './nodeCalls.ts';
import { inParallel } from './parallel.ts';
import type { ProactiveSettings } from './settings.ts';
import type { NodeRow } from './wire.ts';
import { machineAd } from './wishes.ts';
import type { OwnHost, Standing } from './workers.ts';

const callsAtOnceMax = 8;

export interface MachinesInput {
  readonly hosts: readonly Host[];
  readonly machines: readonly QueueMachine[];
  readonly book: Book;
  readonly calls: NodeCalls;
  readonly settings: Pick<ProactiveSettings, 'nodes' | 'sources'>;
  /** Those that jobs name, by their keys. */
  readonly tokens: ReadonlyMap<string, string>;
  /** Being drained by their pool. */
  readonly draining: ReadonlySet<InstanceId>;
}

export interface MachinesView {
  readonly own: readonly OwnHost[];
  /** Booted without an identity of their own: known by the address alone, and never for a token. */
  readonly nameless: readonly { readonly host: Host; readonly machine: QueueMachine }[];
  /** Nodes of others. */
  readonly others: readonly Host[];
  /** False: something was to be done at the resource manager and has not been, or its effect is still to be seen. */
  readonly settled: boolean;
  /** Why something could not be done, the first of them: it is tried again. */
  readonly failure: QueueError | null;
}

/**
 * Makes the nodes that are there what they should be, and says which machines they are. In this order, so that a death between
 * any two steps is made good by the next poll:
 *
 * 1. A node that shows its machine's own token is written down as that machine's.
 * 2. Free machines are bound to the deployments that lack some; that is written down.
 * 3. Tokens are changed as written down: an elastic machine has none, a bound one its deployment's; the new one is added
 *    before the old one is taken away, so that a node is never without.
 * 4. Nodes of machines whose deployment is over are locked.
 *
 * Nothing is done to a node of a machine that is not among `machines`.
 */
export async function settleMachines(input: MachinesInput, signal: AbortSignal): Promise<MachinesView> {
  const { own, others } = recognize(input);
  bind(own, input);
  const standing = own.map((found) => ({ ...found, standing: standingOf(found, input) }));
  const failures: QueueError[] = [];
  const nodes = new Map<string, NodeRow>();
  const work = standing.flatMap((found) => found.host.nodes.map((node) => ({ found, node })));
  let changed = 0;
  await inParallel(work, callsAtOnceMax, async ({ found, node }) => {
    if (found.machine === null) return;
    const { add, remove } = tokensToChange(node, found, input);
    if (add === null && remove.length === 0) return;
    changed += 1;
    try {
      if (add !== null) await input.calls.addToken(node.url, add, signal);
      for (const token of remove) await input.calls.removeToken(node.url, token, signal);
      const left = node.tokens.filter((token) => !remove.includes(token));
      nodes.set(node.url, { ...node, tokens: add === null ? left : [...left, add] });
    } catch (error) {
      failures.push(passing(error));
    }
  });
  const toLock = standing
    .filter(({ machine, standing: { kind } }) => machine !== null && kind === 'released')
    .flatMap(({ host }) => host.nodes.filter(({ locked }) => !locked).map(({ url }) => url));
  try {
    await input.calls.lock(toLock, signal);
  } catch (error) {
    failures.push(passing(error));
  }
  const after = standing.map((found): OwnHost => {
    const own = found.host.nodes.map((node) => nodes.get(node.url) ?? node);
    return { ...found, host: { ...found.host, nodes: own } };
  });
  const isUsable = ({ host, instance, standing: { kind } }: OwnHost) =>
    kind !== 'elastic' ||
    host.nodes.every(({ tokens }) => !tokens.includes(machineToken(instance, input.settings.nodes)));
  return {
    // One that nobody's task can use yet has not joined.
    own: after.filter(isUsable),
    nameless: others.flatMap((host) => namelessOf(host, input) ?? []),
    others: others.filter((host) => namelessOf(host, input) === null),
    settled: changed === 0 && toLock.length === 0 && failures.length === 0,
    failure: failures[0] ?? null,
  };
}

function namelessOf(
  host: Host,
  { machines, settings }: MachinesInput,
): { readonly host: Host; readonly machine: QueueMachine } | null {
  const machine = machines.find(({ address }) => address !== null && address === host.address);
  const source = settings.sources.find(({ pool }) => pool === machine?.pool);
  const isOurs = ({ provider, source: of }: NodeRow) =>
    provider === settings.nodes.owner && of === source?.name;
  // The name of another instance is no help: who says it must prove it.
  const claims = machines.some(({ instance }) => instance === host.name);
  return machine !== undefined && source?.policy === 'elastic' && !claims && host.nodes.every(isOurs)
    ? { host, machine }
    : null;
}

/** Other failures than the server's are ours. */
function passing(error: unknown): QueueError {
  if (error instanceof QueueError && error.code !== 'timeout') return error;
  throw error;
}

type Found = Omit<OwnHost, 'standing'> & { readonly record: MachineRecord };

/**
 * A machine is known by its own token, which its nodes have shown at some time, under the user that our machines log in
 * as, in its pool's node source. A name alone is nobody's proof.
 */
function recognize({ hosts, machines, book, settings, draining }: MachinesInput): {
  readonly own: readonly Found[];
  readonly others: readonly Host[];
} {
  const byInstance = new Map<string, QueueMachine>(machines.map((machine) => [machine.instance, machine]));
  const sources = new Set(settings.sources.map(({ name }) => name));
  const own: Found[] = [];
  const others: Host[] = [];
  const news: MachineRecord[] = [];
  for (const host of hosts) {
    if (host.nodes.length === 0) continue;
    const instance = host.name as InstanceId;
    const record = book.machines.get(instance) ?? { instance, nodes: [], bound: null };
    const token = machineToken(instance, settings.nodes);
    const known = new Set(record.nodes);
    const isOurs = ({ url, provider, source, tokens }: NodeRow) =>
      provider === settings.nodes.owner &&
      source !== null &&
      sources.has(source) &&
      (known.has(url) || tokens.includes(token));
    if (!host.nodes.every(isOurs)) {
      others.push(host);
      continue;
    }
    const fresh = host.nodes.filter(({ url }) => !known.has(url));
    const now = fresh.length === 0 ? record : { ...record, nodes: host.nodes.map(({ url }) => url) };
    if (now !== record) news.push(now);
    const machine = byInstance.get(instance) ?? null;
    own.push({ host, instance, machine, leaving: draining.has(instance), record: now });
  }
  // A machine that is gone takes its record with it; one that is only silent does not.
  const seen = new Set(hosts.map(({ name }) => name));
  const gone = [...book.machines.keys()].filter((id) => !byInstance.has(id) && !seen.has(id));
  book.save({ machines: news, gone });
  return { own, others };
}

function policyOf({ host }: Pick<Found, 'host'>, { settings }: MachinesInput): 'elastic' | 'iaas' {
  const name = host.nodes[0]?.source;
  return settings.sources.find((source) => source.name === name)?.policy ?? 'elastic';
}

/** Machines that no token has had, to the deployments in the order in which they were begun. */
function bind(own: readonly Found[], input: MachinesInput): void {
  const { book, settings } = input;
  const free = own.filter(
    (found) =>
      found.machine !== null &&
      book.machines.get(found.instance)?.bound === null &&
      !found.leaving &&
      policyOf(found, input) === 'iaas' &&
      found.host.nodes.every(({ locked, state }) => !locked && state === 'FREE'),
  );
  if (free.length === 0) return;
  const bound: MachineRecord[] = [];
  const taken = new Set<InstanceId>();
  for (const { deployment, missing } of lacking(book)) {
    const source = settings.sources.find(({ name }) => name === deployment.source);
    const ad = machineAd(deployment);
    let left = missing;
    for (const found of free) {
      if (left === 0) break;
      if (taken.has(found.instance)) continue;
      if (found.machine === null || found.machine.pool !== source?.pool) continue;
      if (!symmetricMatch(ad, found.machine.ad)) continue;
      const record = book.machines.get(found.instance);
      if (record === undefined) continue;
      bound.push({ ...record, bound: { key: deployment.key, number: deployment.number } });
      taken.add(found.instance);
      left -= 1;
    }
  }
  book.save({ machines: bound });
}

/** Deployments that are not over, in the order in which they were begun, with the number of machines that each lacks. */
export function lacking(
  book: Pick<Book, 'deployments' | 'machines'>,
): readonly { readonly deployment: Deployment; readonly missing: number }[] {
  const counts = new Map<number, number>();
  for (const { bound } of book.machines.values())
    if (bound !== null) counts.set(bound.number, (counts.get(bound.number) ?? 0) + 1);
  return [...book.deployments.values()]
    .filter(({ over }) => !over)
    .toSorted((a, b) => a.number - b.number)
    .map((deployment) => ({
      deployment,
      missing: Math.max(0, deployment.instances - (counts.get(deployment.number) ?? 0)),
    }));
}

function standingOf(found: Found, input: MachinesInput): Standing {
  const bound = input.book.machines.get(found.instance)?.bound ?? null;
  if (bound === null) return { kind: policyOf(found, input) === 'iaas' ? 'parked' : 'elastic' };
  const deployment = input.book.deployments.get(bound.key);
  return deployment?.number === bound.number && !deployment.over
    ? { kind: 'bound', deployment }
    : { kind: 'released', deployment: deployment ?? null };
}

function tokensToChange(
  { tokens }: NodeRow,
  { instance, standing }: Pick<OwnHost, 'instance' | 'standing'>,
  { settings, tokens: named }: Pick<MachinesInput, 'settings' | 'tokens'>,
): { readonly add: string | null; readonly remove: readonly string[] } {
  const own = machineToken(instance, settings.nodes);
  const shown = tokens.filter((token) => token === own);
  switch (standing.kind) {
    case 'elastic':
      return { add: null, remove: shown };
    case 'bound': {
      const wanted = named.get(standing.deployment?.key ?? '');
      // Its job's tasks could not be read: it stays as it is.
      if (wanted === undefined) return { add: null, remove: [] };
      return {
        add: tokens.includes(wanted) ? null : wanted,
        remove: tokens.filter((token) => token !== wanted),
      };
    }
    // A node that has none would be anybody's: its own goes back to it, e.g. after a restart of its manager.
    case 'parked':
      return { add: shown.length === 0 ? own : null, remove: tokens.filter((token) => token !== own) };
    case 'released':
      return { add: tokens.length === 0 ? own : null, remove: [] };
  }
}
