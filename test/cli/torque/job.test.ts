import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hookJobOf, noteOf, prologueJobOf, wishOf } from '../../../src/cli/torque/job.ts';

/** The arguments of every hook that was recorded, by the hook's name. */
function recordedHooks(name: string): string[][] {
  const text = readFileSync(new URL('../../data/torque/hooks-args-env.log', import.meta.url), 'utf8');
  return text
    .split(/^=== /m)
    .filter((block) => block.startsWith(`${name} `))
    .map((block) => [...block.matchAll(/^arg\d+=\[(.*)\]$/gm)].map(([, word = '']) => word));
}

const settings = {
  pool: 'vmpool',
  poolOfQueue: new Map([['long', 'big']]),
  requirementsOfFeature: new Map([
    ['gpu', 'TARGET.GPUs > 0'],
    ['large', 'TARGET.VMType == "large"'],
  ]),
};
const wish = (resources: string, queue = 'batch') => wishOf({ resources, queue }, settings);

describe('the arguments of hooks, as recorded', () => {
  it('of a prologue', () => {
    expect(recordedHooks('prologue').map(prologueJobOf)).toEqual([
      {
        id: '18.pbshead',
        user: 'pbsuser',
        group: 'pbsuser',
        name: 'pr0',
        resources: 'nodes=1:ppn=2,mem=128mb,walltime=00:02:00,neednodes=1:ppn=2',
        queue: 'batch',
        script: '/var/spool/torque/mom_priv/jobs/18.pbshead.SC',
      },
    ]);
  });

  it('of epilogues', () => {
    expect(recordedHooks('epilogue').map((words) => [words.length, hookJobOf(words)?.id])).toEqual([
      [11, '15.pbshead'],
      [11, '16.pbshead'],
      [11, '18.pbshead'],
    ]);
  });

  it('a sub-job of an array has a note of its own', () => {
    const job = hookJobOf(['5[3].pbshead', 'u', 'g', 'n']);
    expect(job).not.toBeNull();
    expect(job !== null && noteOf(job, 'wn1')).toBe('torque job 5[3].pbshead on wn1');
  });

  it.each([[[]], [['../x', 'u']], [['.1', 'u']], [['1/2', 'u']], [['1.x', '']], [['', 'u']]])(
    '%j are none',
    (words) => {
      expect(hookJobOf(words)).toBeNull();
    },
  );
});

describe('what a job asks of a machine', () => {
  it.each([
    ['nodes=1:ppn=2,mem=128mb,walltime=00:02:00,neednodes=1:ppn=2', { cpus: 2, memoryMiB: 128 }],
    ['walltime=01:00:00,nodes=1,neednodes=1', { cpus: 1, memoryMiB: 0, requirements: 'true' }],
    ['procs=6,mem=2gb', { cpus: 6, memoryMiB: 2048 }],
    ['nodes=wn1:ppn=4', { cpus: 4 }],
    ['mem=1', { memoryMiB: 1 }],
    ['mem=300000kw', { memoryMiB: 2344 }],
    ['mem=lots', { memoryMiB: 0 }],
    ['nodes=1:ppn=1:gpu', { requirements: '(TARGET.GPUs > 0)' }],
    ['nodes=1:gpu:large:vmpool', { requirements: '(TARGET.GPUs > 0) && (TARGET.VMType == "large")' }],
    ['', { cpus: 1, pool: 'vmpool' }],
  ])('%s', (resources, asked) => {
    expect(wish(resources)).toMatchObject({ kind: 'wish', ...asked });
  });

  it('of another pool for some queues', () => {
    expect(wish('nodes=1', 'long')).toMatchObject({ pool: 'big' });
  });

  it.each(['nodes=2:ppn=2', 'nodes=1:ppn=2+1:ppn=4'])('%s: never', (resources) => {
    expect(wish(resources)).toMatchObject({ kind: 'never' });
  });
});
