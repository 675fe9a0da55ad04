/**
 * Stands in for the hypervisor: gives each instance that a cloud says is running a machine on this host, and ends
 * the machine when the instance no longer runs. Knows nothing of Spillway and of batch systems.
 *
 * One loop, one list of the cloud in each round. A list that fails changes nothing. A machine is booted once: one
 * that has died stays dead until its instance is ended, as in a cloud.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ec2Source } from './ec2.ts';
import { type Machines, machinesIn } from './machines.ts';
import { openstackSource } from './openstack.ts';
import type { InstanceSource, RunningInstance } from './source.ts';
import { bootProgram } from './user-data.ts';

/** FOLDER/levers.json, read in each round; every key is optional. Patterns are regular expressions. */
interface Levers {
  /** Instances with such a label never boot: a broken image. */
  readonly never?: readonly string[];
  /** Between running in the cloud and the boot. */
  readonly delaySeconds?: number;
  /** Machines that die at once, or fall silent (all their processes stopped). */
  readonly die?: readonly string[];
  readonly freeze?: readonly string[];
}

const roundMs = 300;
const listTimeoutMs = 10_000;

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    root: { type: 'string' },
    cloud: { type: 'string', default: 'ec2' },
    endpoint: { type: 'string' },
    region: { type: 'string', default: 'us-east-1' },
    block: { type: 'string', default: '1' },
  },
});

function required(name: 'folder' | 'root' | 'endpoint'): string {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
}

function say(message: string): void {
  process.stdout.write(`${new Date().toISOString()} ${message}\n`);
}

function sourceOf(cloud: string): InstanceSource {
  if (cloud === 'ec2') return ec2Source({ endpoint: required('endpoint'), region: values.region });
  if (cloud === 'openstack') {
    const adminPassword = process.env.BOOTER_ADMIN_PASSWORD ?? '';
    return openstackSource({ authUrl: required('endpoint'), adminPassword });
  }
  throw new Error(`--cloud ${cloud}: only ec2 and openstack are known`);
}

function readLevers(folder: string): Levers {
  try {
    return JSON.parse(readFileSync(join(folder, 'levers.json'), 'utf8')) as Levers;
  } catch {
    return {}; // none, or being written: the next round sees it
  }
}

const hits = (patterns: readonly string[] | undefined, instance: RunningInstance): boolean =>
  (patterns ?? []).some((pattern) => instance.labels.some((label) => new RegExp(pattern).test(label)));

interface Booter {
  readonly source: InstanceSource;
  readonly machines: Machines;
  readonly folder: string;
  /** When each instance was first seen running. */
  readonly seenAtMs: Map<string, number>;
  /** Machines on their way out, which takes a moment and holds up nobody. */
  readonly ending: Map<string, Promise<void>>;
  /** What a lever was last applied to, so that each acts once. */
  readonly levered: Set<string>;
}

async function round(booter: Booter, signal: AbortSignal): Promise<void> {
  const { source, machines, seenAtMs } = booter;
  const levers = readLevers(booter.folder);
  const running = await source.running(signal);
  const ids = new Set(running.map((instance) => instance.id));
  for (const id of machines.known()) {
    if (!ids.has(id) && !booter.ending.has(id)) booter.ending.set(id, endOne(booter, id));
  }
  for (const id of seenAtMs.keys()) if (!ids.has(id)) seenAtMs.delete(id);

  const known = machines.known();
  for (const instance of running) {
    const seen = seenAtMs.get(instance.id) ?? Date.now();
    seenAtMs.set(instance.id, seen);
    const due = Date.now() - seen >= (levers.delaySeconds ?? 0) * 1000;
    if (!known.has(instance.id) && due && !hits(levers.never, instance)) {
      await bootOne(booter, instance.id, signal);
    }
    if (known.has(instance.id)) applyLevers(booter, levers, instance);
  }
}

async function endOne({ machines, ending }: Booter, id: string): Promise<void> {
  try {
    await machines.end(id);
    say(`ended ${id}`);
  } catch (error) {
    say(`${id} is not ended: ${String(error)}`);
  }
  ending.delete(id);
}

async function bootOne({ source, machines }: Booter, id: string, signal: AbortSignal): Promise<void> {
  const userData = await source.userData(id, signal);
  let program: string | null;
  try {
    program = bootProgram(userData);
  } catch (error) {
    machines.fail(id, String(error));
    say(`${id} does not boot: ${String(error)}`);
    return;
  }
  const { address } = machines.boot(id, program);
  say(`booted ${id} at ${address}${program === null ? ', without user data' : ''}`);
}

function applyLevers({ machines, levered }: Booter, levers: Levers, instance: RunningInstance): void {
  for (const lever of ['die', 'freeze'] as const) {
    const key = `${lever} ${instance.id}`;
    if (levered.has(key) || !hits(levers[lever], instance)) continue;
    levered.add(key);
    if (lever === 'die') machines.kill(instance.id);
    else machines.freeze(instance.id);
    say(key);
  }
}

async function main(): Promise<void> {
  const folder = required('folder');
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stopping.abort());
  const machines = machinesIn(folder, required('root'), Number(values.block));
  const booter: Booter = {
    source: sourceOf(values.cloud),
    machines,
    folder,
    seenAtMs: new Map(),
    ending: new Map(),
    levered: new Set(),
  };
  say('watching');
  let trouble = '';
  while (!stopping.signal.aborted) {
    try {
      await round(booter, AbortSignal.any([stopping.signal, AbortSignal.timeout(listTimeoutMs)]));
      if (trouble !== '') say('the cloud answers again');
      trouble = '';
    } catch (error) {
      if (!stopping.signal.aborted && String(error) !== trouble) say(String(error));
      trouble = String(error);
    }
    await delay(roundMs, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
  await Promise.all([...machines.known()].map((id) => booter.ending.get(id) ?? endOne(booter, id)));
  say('stopped');
}

await main();
