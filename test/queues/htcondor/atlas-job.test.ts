import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { fixedContext } from '../../../src/classad/context.ts';
import { cloudDrivers } from '../../../src/clouds/index.ts';
import { hostFiles } from '../../../src/config/files.ts';
import { loadSite } from '../../../src/config/load.ts';
import { createMatchmaker } from '../../../src/matchmaker/matchmaker.ts';
import { adForBoot } from '../../../src/model/demand.ts';
import { JobId } from '../../../src/model/ids.ts';
import { queueAdapters } from '../../../src/queues/index.ts';
import { bench, forever, noMachine, removeTools, settled, totals } from './adapter-bench.ts';

afterEach(removeTools);

/** The job of Cloud Scheduler's days: its submit file, and what condor_submit of a real pool made of it. */
const root = new URL('../../../', import.meta.url).pathname;
const submitFile = readFileSync(`${root}config/cloud-scheduler/atlas-job.sub`, 'utf8');
const recordedAd = readFileSync(`${root}test/data/condor-jobs/atlas.long`, 'utf8');

const deps = {
  adapters: queueAdapters,
  drivers: cloudDrivers,
  files: {
    read: async (path: string, bytesMax: number) =>
      path.startsWith('/etc/spillway/')
        ? { bytes: Buffer.from('made up'), mode: 0o100600 }
        : hostFiles.read(path, bytesMax),
  },
  env: () => 'made up',
};

const written = z.object({ queues: z.array(z.object({ cloudScheduler: z.unknown() })) });

/** The example's offers, and its words in a queue that answers with the recorded job. */
async function site() {
  const { config, problems } = await loadSite(`${root}config/cloud-scheduler.yaml`, deps);
  expect(problems).toEqual([]);
  const offers = config?.offers ?? [];
  const { queues } = written.parse(parse(readFileSync(`${root}config/cloud-scheduler.yaml`, 'utf8')));
  const queue = bench(
    [settled, noMachine, totals(1, 1, 'schedd@pool'), { tool: 'condor_q', stdout: recordedAd }],
    { cloudScheduler: queues[0]?.cloudScheduler },
  );
  return { offers, matchmaker: createMatchmaker(offers, () => fixedContext), ...queue };
}

describe('the job of the ATLAS talk', () => {
  it('is in the file as it was recorded', () => {
    const words = [...submitFile.matchAll(/^\+(\w+)\s*= (.*)$/gm)];
    expect(words.map(([, name]) => name)).toEqual([
      'VMName',
      'VMLoc',
      'VMMem',
      'VMCPUCores',
      'VMStorage',
      'TargetClouds',
    ]);
    for (const [, name, text] of words) expect(recordedAd).toContain(`\n${name} = ${text}\n`);
    const [, requirements] = /^Requirements = (.*)$/m.exec(submitFile) ?? [];
    expect(recordedAd).toContain(`\nRequirements = (${requirements}) && `);
    expect(submitFile).toMatch(/^x509userproxy = /m);
  });

  it('gets a machine of its size, type and image on the clouds that it names, and on no other', async () => {
    const { poll, matchmaker, offers } = await site();
    const [group] = (await poll()).demand;
    if (group === undefined) throw new Error('no demand');
    expect(group).not.toHaveProperty('remarks');
    const matches = matchmaker.matches(group);
    expect([...matches.keys()]).toEqual(['hotel-8', 'hermes-16']);
    expect(matches.get('hermes-16' as never)).toMatchObject({
      request: { cpus: 8, memoryMiB: 18_000, diskMiB: 160 * 1024 },
      jobsPerMachine: 2,
    });
    const why = offers.map((offer) => [
      offer.name,
      matchmaker.refusal(adForBoot(group), offer)?.clause ?? null,
    ]);
    expect(why).toEqual([
      ['hotel-8', null],
      ['hermes-16', null],
      ['hermes-2', 'TARGET.Disk >= RequestDisk'],
      ['west-8', 'stringListIMember(TARGET.SpillwayCloud,MY.TargetClouds)'],
    ]);
  });

  it('tells when its proxy ends, and its proxy is never asked for when the queue is read', async () => {
    const { queue, poll, tools } = await site();
    const found = await queue.job(JobId('1.0'), forever);
    expect(found?.remarks).toEqual([expect.stringMatching(/^its proxy ends at 2026-11-\d\dT/)]);
    await poll();
    const projections = tools.calls().filter((line) => line.includes('-attributes'));
    expect(projections.join('\n')).not.toMatch(/x509userproxy\b/i);
  });
});
