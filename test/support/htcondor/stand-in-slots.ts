import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { StandInWorker } from './stand-in-pool.ts';

const data = resolve(import.meta.dirname, '../../data/htcondor/slots');

/** The recorded ad of a slot, `Name = expression` by name. */
function recorded(file: string, slot: string): ReadonlyMap<string, string> {
  const ads = readFileSync(join(data, file), 'utf8').split('\n\n');
  const found = ads.find((ad) => ad.split('\n').includes(`Name = "${slot}"`)) ?? '';
  return new Map(
    found
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.indexOf(' = ')), line.slice(line.indexOf(' = ') + 3)] as const),
  );
}

const partitionable = recorded('idle.out', 'slot1@i1-0.pool.test');
const dynamic = recorded('busy.out', 'slot1_1@i1-0.pool.test');
/** What all machines of the recording say of themselves and these do not. */
const notOurs = ['VMType', 'SpillwayInstance', 'AuthenticatedIdentity'];

function adText(base: ReadonlyMap<string, string>, own: Readonly<Record<string, string>>): string {
  const all = new Map(base);
  for (const name of notOurs) all.delete(name);
  for (const [name, text] of Object.entries(own)) all.set(name, text);
  const lines = [...all].map(([name, text]) => `${name} = ${text}\n`);
  return `${lines.join('')}\n`;
}

/** A startd's ads as the recorded pool gave them: a partitionable slot, and one of its own for each job. */
export function slotAdsOf(worker: StandInWorker, draining: boolean): readonly string[] {
  const { name, address, cpus, memoryMiB, jobs, said } = worker;
  const machine = {
    ...said,
    Machine: `"${name}"`,
    MyAddress: `"<${address}:9618?addrs=${address}-9618&alias=${name}>"`,
    ...(draining ? { Draining: 'true' } : {}),
  };
  const whole = adText(partitionable, {
    ...machine,
    Name: `"slot1@${name}"`,
    Cpus: `${cpus - jobs.size}`,
    Memory: `${memoryMiB - 128 * jobs.size}`,
    TotalSlotCpus: `${cpus}`,
    TotalSlotMemory: `${memoryMiB}`,
    NumDynamicSlots: `${jobs.size}`,
    ...(draining ? { State: '"Drained"', Activity: jobs.size > 0 ? '"Retiring"' : '"Idle"' } : {}),
  });
  const parts = [...jobs].map(({ schedd, cluster, proc }, at) =>
    adText(dynamic, {
      ...machine,
      Name: `"slot1_${at + 1}@${name}"`,
      Memory: '128',
      TotalSlotMemory: '128',
      GlobalJobId: `"${schedd}#${cluster}.${proc}#1795272000"`,
      RemoteOwner: '"ann@pool.test"',
      ...(draining ? { Activity: '"Retiring"' } : {}),
    }),
  );
  return [whole, ...parts];
}
