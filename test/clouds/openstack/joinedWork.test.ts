import { describe, expect, it } from 'vitest';
import { joined } from '../../../src/clouds/openstack/client/joinedWork.ts';

interface Run {
  readonly signal: AbortSignal;
  readonly done: PromiseWithResolvers<string>;
}

function counted() {
  const runs: Run[] = [];
  const work = joined((signal: AbortSignal) => {
    const done = Promise.withResolvers<string>();
    runs.push({ signal, done });
    return done.promise;
  });
  return { runs, work };
}

const never = new AbortController().signal;

describe('work that several wait for', () => {
  it('is done once for all who come while it goes on, and anew for who comes later', async () => {
    const { runs, work } = counted();
    const both = [work(never), work(never)];
    runs[0]?.done.resolve('first');
    expect(await Promise.all(both)).toEqual(['first', 'first']);
    const later = work(never);
    runs[1]?.done.resolve('second');
    expect(await later).toBe('second');
    expect(runs).toHaveLength(2);
  });

  it('fails for all of them, and is then done anew', async () => {
    const { runs, work } = counted();
    const both = Promise.allSettled([work(never), work(never)]);
    runs[0]?.done.reject(new Error('no'));
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const again = work(never);
    runs[1]?.done.resolve('yes');
    expect(await again).toBe('yes');
  });

  it('goes on as long as one waits, and is given up with the last', async () => {
    const { runs, work } = counted();
    const [one, other] = [new AbortController(), new AbortController()];
    const waits = [work(one.signal), work(other.signal)];
    const ends = Promise.allSettled(waits);
    one.abort(new Error('tired'));
    await expect(waits[0]).rejects.toThrow('tired');
    expect(runs[0]?.signal.aborted).toBe(false);
    other.abort(new Error('tired too'));
    await ends;
    expect(runs[0]?.signal.aborted).toBe(true);
    // Who comes now does not wait for what was given up.
    const fresh = work(never);
    runs[1]?.done.resolve('fresh');
    expect(await fresh).toBe('fresh');
  });

  it('is not begun for who has given up already', async () => {
    const { runs, work } = counted();
    await expect(work(AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
    expect(runs).toEqual([]);
  });
});
