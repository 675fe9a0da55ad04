import { afterEach, describe, expect, it } from 'vitest';
import { JobId } from '../../../src/model/ids.ts';
import { remarksOnNames } from '../../../src/queues/htcondor/vm-names.ts';
import { bench, forever, noMachine, removeTools, settled, totals } from './adapter-bench.ts';
import type { FakeAnswer } from './fake-tools.ts';

afterEach(removeTools);

const lines = (attributes: Readonly<Record<string, string>>) =>
  `${Object.entries(attributes)
    .map(([name, text]) => `${name} = ${text}\n`)
    .join('')}\n`;

const basics = {
  ClusterId: '7',
  ProcId: '0',
  JobStatus: '1',
  JobUniverse: '5',
  GlobalJobId: '"schedd@pool#7.0#1795272263"',
  Requirements: 'TARGET.VMType =?= "atlas"',
};
const words = { VMType: '"atlas"', VMMem: '"18000"', VMKeepAlive: '30', VMHighPriority: '1' };
const more = {
  VMMemory: '18000',
  VMSecurityGroup: '"default"',
  x509userproxy: '"/home/ann/proxy"',
  x509UserProxyExpiration: '1600000000',
};

const read: FakeAnswer = { tool: 'condor_q', when: '-attributes', stdout: lines({ ...basics, ...words }) };
const whole: FakeAnswer = {
  tool: 'condor_q',
  when: '-long',
  stdout: lines({ ...basics, ...words, ...more }),
};
const odd = [
  'VMMemory is not a word that is known: is VMMem meant?',
  'VMSecurityGroup has no effect: the offer decides',
];

describe('groups of jobs', () => {
  it('say what machine is to be booted, how long it is kept, and what nobody understands', async () => {
    const { poll, tools } = bench([settled, noMachine, totals(1), read, whole]);
    const { demand } = await poll();
    expect(demand).toMatchObject([{ keepAliveMs: 1_800_000, priority: 20, remarks: odd }]);
    expect(demand[0]?.ad.get('RequestMemory')).toBeUndefined();
    expect(demand[0]?.bootAd?.get('RequestMemory')).toMatchObject({ kind: 'literal', value: 18_000 });
    await poll();
    const looks = tools.calls().filter((line) => line.startsWith('condor_q -allusers 7.0'));
    expect(looks).toHaveLength(1);
  });

  it('what they want is known though a look at one job fails, and the look is made again', async () => {
    const { poll, tools } = bench([settled, noMachine, totals(1), read]);
    const first = await poll();
    expect(first.demand).toMatchObject([{ keepAliveMs: 1_800_000 }]);
    expect(first.demand[0]).not.toHaveProperty('remarks');
    tools.answer([settled, noMachine, totals(1), read, whole]);
    expect((await poll()).demand).toMatchObject([{ remarks: odd }]);
  });

  it('that do not speak Cloud Scheduler’s language are not looked at', async () => {
    const plain = lines({ ...basics, Requirements: 'TARGET.Arch == "X86_64"' });
    const { poll, tools } = bench([settled, noMachine, totals(1), { ...read, stdout: plain }, whole]);
    const { demand } = await poll();
    expect(demand[0]).not.toHaveProperty('bootAd');
    expect(tools.calls().filter((line) => line.startsWith('condor_q'))).toHaveLength(2);
  });
});

describe('one job', () => {
  it('is explained by what it says, and by when its proxy ends', async () => {
    const { queue } = bench([whole]);
    const found = await queue.job(JobId('7.0'), forever);
    expect(found?.remarks).toEqual([...odd, 'its proxy ended at 2020-09-13T12:26:40Z']);
    expect(found?.bootAd?.get('RequestMemory')).toMatchObject({ value: 18_000 });
  });

  it('of the vm universe has words of HTCondor’s own', async () => {
    const vm = lines({ ...basics, JobUniverse: '13', VMPARAM_vm_Disk: '"x"' });
    const { queue } = bench([{ ...whole, stdout: vm }]);
    expect(await queue.job(JobId('7.0'), forever)).not.toHaveProperty('remarks');
  });
});

describe('names', () => {
  it.each([
    ['VMMem', []],
    ['vmkeepalive', []],
    ['RequestMemory', []],
    ['VMCPUCore', ['VMCPUCore is not a word that is known: is VMCPUCores meant?']],
    ['VMStorge', ['VMStorge is not a word that is known: is VMStorage meant?']],
    ['VMColour', ['VMColour is not a word that is known']],
    ['CSMyProxyServer', ['CSMyProxyServer has no effect: HTCondor renews proxies by itself']],
  ])('%s', (name, said) => {
    expect(remarksOnNames([name], new Set())).toEqual(said);
  });

  it('are not told of where the config ignores them', () => {
    expect(remarksOnNames(['VMNetwork', 'vmnetwork'], new Set(['VMNetwork']))).toEqual([]);
  });

  it('are at most ten remarks', () => {
    const names = Array.from({ length: 500 }, (_, at) => `VM${'x'.repeat(200)}${at}`);
    const said = remarksOnNames(names, new Set());
    expect(said).toHaveLength(11);
    expect(said.at(-1)).toBe('and 490 more words like these');
    expect(said[0]?.length).toBeLessThan(120);
  });
});
