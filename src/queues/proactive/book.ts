import { z } from 'zod';
import type { InstanceId } from '../../model/ids.ts';
import type { Memory } from '../../model/memory.ts';
import type { Deployment } from './deployments.ts';

/** What is known of one of our machines. */
export interface MachineRecord {
  readonly instance: InstanceId;
  /** Its nodes that have shown its own token: they are what they say they are, with other tokens too. */
  readonly nodes: readonly string[];
  /** The deployment that it is bound to, for the rest of its life; null: none. */
  readonly bound: { readonly key: string; readonly number: number } | null;
}

/** All that must outlive a restart, on disk when a method that changes it returns. */
export interface Book {
  readonly deployments: ReadonlyMap<string, Deployment>;
  readonly machines: ReadonlyMap<InstanceId, MachineRecord>;
  readonly nextNumber: number;
  save(change: BookChange): void;
}

export interface BookChange {
  readonly deployments?: readonly Deployment[];
  readonly forgotten?: readonly string[];
  readonly machines?: readonly MachineRecord[];
  readonly gone?: readonly InstanceId[];
}

const deployment = z.object({
  kind: z.literal('deployment'),
  key: z.string(),
  source: z.string(),
  instances: z.number(),
  image: z.string().nullable(),
  type: z.string().nullable(),
  number: z.number(),
  job: z.string(),
  owner: z.string().nullable(),
  priority: z.string().nullable(),
  served: z.array(z.string()),
  before: z.array(z.string()),
  over: z.boolean(),
});
const machine = z.object({
  kind: z.literal('machine'),
  instance: z.string().transform((text) => text as InstanceId),
  nodes: z.array(z.string()),
  bound: z.object({ key: z.string(), number: z.number() }).nullable(),
});
const counter = z.object({ kind: z.literal('counter'), next: z.number() });
const record = z.discriminatedUnion('kind', [deployment, machine, counter]);

const counterKey = 'counter';
const machineKey = (instance: InstanceId) => `machine:${instance}`;
const deploymentKey = (key: string) => `token:${key}`;

export function openBook(memory: Memory): Book {
  const deployments = new Map<string, Deployment>();
  const machines = new Map<InstanceId, MachineRecord>();
  let nextNumber = 1;
  for (const value of memory.load().values()) {
    const read = record.parse(value);
    if (read.kind === 'deployment') deployments.set(read.key, read);
    else if (read.kind === 'machine') machines.set(read.instance, read);
    else nextNumber = read.next;
  }
  return {
    deployments,
    machines,
    get nextNumber() {
      return nextNumber;
    },
    save: (change) => {
      const { deployments: changed = [], forgotten = [], machines: met = [], gone = [] } = change;
      const values = new Map<string, unknown>();
      const next = Math.max(nextNumber, ...changed.map(({ number }) => number + 1));
      if (next !== nextNumber) values.set(counterKey, { kind: 'counter', next });
      for (const one of changed) values.set(deploymentKey(one.key), { kind: 'deployment', ...one });
      for (const one of met) values.set(machineKey(one.instance), { kind: 'machine', ...one });
      for (const key of forgotten) values.set(deploymentKey(key), null);
      for (const instance of gone) values.set(machineKey(instance), null);
      if (values.size === 0) return;
      memory.save(values);
      nextNumber = next;
      for (const one of changed) deployments.set(one.key, one);
      for (const one of met) machines.set(one.instance, one);
      for (const key of forgotten) deployments.delete(key);
      for (const instance of gone) machines.delete(instance);
    },
  };
}
