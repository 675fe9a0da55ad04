import { type InstanceId, WorkerId } from '../../model/ids.ts';
import type { NodeRow } from './wire.ts';

/**
 * Nodes that one machine runs. They are named after it: `proactive-node -n NAME -w 2` makes `…/NAME_0` and `…/NAME_1`.
 */
export interface Host {
  readonly id: WorkerId;
  /** What the nodes are named after: the instance, where the machine is ours. */
  readonly name: string;
  readonly address: string | null;
  /** Those that can run a task, or run one. */
  readonly nodes: readonly NodeRow[];
  /** Those that are known and cannot: gone, or not up yet. */
  readonly silent: readonly NodeRow[];
}

const alive: ReadonlySet<string> = new Set(['FREE', 'BUSY', 'TO_BE_REMOVED']);

/** By name and by host: the same name on two hosts is two machines. */
export function hostsOf(rows: readonly NodeRow[]): readonly Host[] {
  const groups = Map.groupBy(rows, (row) => `${nameOf(row.url)}@${row.host ?? addressOf(row.url) ?? '?'}`);
  return [...groups].map(([id, own]) => {
    const nodes = own.filter(({ state }) => alive.has(state));
    const [first] = own;
    return {
      id: WorkerId(id),
      name: first === undefined ? '' : nameOf(first.url),
      address: first === undefined ? null : addressOf(first.url),
      nodes,
      silent: own.filter(({ state }) => !alive.has(state)),
    };
  });
}

export const isBusy = ({ state }: NodeRow) => state !== 'FREE';

/** `pnp://10.0.0.7:64738/farm-k3-0_1` → `farm-k3-0` */
export function nameOf(url: string): string {
  const last = /([^/?#]*)(?:[?#].*)?$/.exec(url)?.[1] ?? '';
  return last.replace(/_\d+$/, '');
}

/** Null for PAMR, where a node is known by the router's number for it. */
function addressOf(url: string): string | null {
  const [, bracketed, plain] =
    /^(?:pnp|pnps|http|https|rmi|rmissh|rmihttp):\/\/(?:\[([^\]]+)\]|([^/:]+))/i.exec(url) ?? [];
  return bracketed ?? plain ?? null;
}

/** Whose nodes these are said to be: one name for all machines of this shape. */
export function isNameOf(host: Host, instance: InstanceId): boolean {
  return host.name === instance;
}
