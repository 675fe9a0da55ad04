import { describe, expect, it } from 'vitest';
import { QueueError } from '../../../src/model/errors.ts';
import { watchProxies } from '../../../src/queues/htcondor/proxies.ts';
import { createVirtualClock } from '../../../src/simulate/virtualClock.ts';

const forever = new AbortController().signal;
const wallMs = 1_800_000_000_000;

function watch(warningMs = 7_200_000) {
  const clock = createVirtualClock(wallMs);
  const asked: string[][] = [];
  let answer: readonly (readonly string[])[] | QueueError = [];
  const proxies = watchProxies({
    tools: {
      ads: async (_tool, args, onAd) => {
        asked.push([...args]);
        if (answer instanceof QueueError) throw answer;
        for (const lines of answer) onAd(lines);
      },
    },
    schedds: ['one', 'two'],
    clock,
    warningMs,
  });
  return {
    asked,
    answers: (next: typeof answer) => {
      answer = next;
    },
    look: async (afterMs: number) => {
      await clock.advance(afterMs);
      return proxies.look(forever);
    },
  };
}

const seconds = wallMs / 1000;
const job = (endsIn: number, owner = 'ann') => [
  `x509UserProxyExpiration = ${seconds + endsIn}`,
  `Owner = "${owner}"`,
];

describe('proxies of jobs', () => {
  it('that end soon or have ended are counted, whose they are, and when the next one ends', async () => {
    const { look, asked, answers } = watch();
    answers([job(-10), job(3000), job(900, 'bob')]);
    expect(await look(0)).toBeUndefined();
    expect(asked).toEqual([]);
    expect(await look(60_000)).toEqual({
      ended: 2,
      ending: 4,
      nextSeconds: seconds + 900,
      users: ['ann', 'bob'],
    });
    expect(asked.map((args) => args.slice(0, 4))).toEqual([
      ['-name', 'one', '-allusers', '-constraint'],
      ['-name', 'two', '-allusers', '-constraint'],
    ]);
    expect(asked[0]?.[4]).toBe(
      `(JobStatus == 1 || JobStatus == 2) && x509UserProxyExpiration < ${seconds + 60 + 7200}`,
    );
  });

  it('are asked for every five minutes, and what was known holds where a schedd is silent', async () => {
    const { look, asked, answers } = watch();
    answers([job(900)]);
    const first = await look(60_000);
    expect(first).toMatchObject({ ending: 2 });
    answers(new QueueError('timeout', 'condor_q: too long'));
    expect(await look(299_000)).toBe(first);
    expect(asked).toHaveLength(2);
    expect(await look(1000)).toBe(first);
    expect(asked).toHaveLength(3);
    answers([]);
    expect(await look(300_000)).toMatchObject({ ended: 0, ending: 0, nextSeconds: null, users: [] });
  });

  it('a job without one, or with nonsense, is none', async () => {
    const { look, answers } = watch();
    answers([['Owner = "ann"'], ['x509UserProxyExpiration = undefined', 'Owner = "ann"']]);
    expect(await look(60_000)).toMatchObject({ ended: 0, ending: 0, users: [] });
  });

  it('are not asked for where the config does not want it', async () => {
    const { look, asked } = watch(0);
    expect(await look(600_000)).toBeUndefined();
    expect(asked).toEqual([]);
  });
});
