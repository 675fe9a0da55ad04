import { expect, it } from 'vitest';
import { together } from '../../../src/clouds/kubernetes/client/together.ts';

function work() {
  const runs: { readonly signal: AbortSignal; readonly end: (value: string) => void }[] = [];
  const ask = together((signal) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    runs.push({ signal, end: resolve });
    return promise;
  });
  return { ask, runs };
}
const never = new AbortController().signal;

it('is done once for all who ask meanwhile, and anew for who asks later', async () => {
  const { ask, runs } = work();
  const both = Promise.all([ask(never), ask(never)]);
  runs[0]?.end('a');
  expect(await both).toEqual(['a', 'a']);
  const later = ask(never);
  runs[1]?.end('b');
  expect(await later).toBe('b');
  expect(runs).toHaveLength(2);
});

it('goes on for those who have not given up, and ends with the last', async () => {
  const { ask, runs } = work();
  const [first, second] = [new AbortController(), new AbortController()];
  const left = ask(first.signal);
  const kept = ask(second.signal);
  first.abort(new Error('enough'));
  await expect(left).rejects.toThrow('enough');
  expect(runs[0]?.signal.aborted).toBe(false);
  second.abort(new Error('enough'));
  await expect(kept).rejects.toThrow('enough');
  expect(runs[0]?.signal.aborted).toBe(true);
  const anew = ask(never);
  runs[1]?.end('c');
  expect(await anew).toBe('c');
});

it('fails for all who wait, and is begun anew', async () => {
  let runs = 0;
  const ask = together(async () => {
    runs += 1;
    throw new Error('no');
  });
  const [a, b] = await Promise.allSettled([ask(never), ask(never)]);
  expect([a?.status, b?.status, runs]).toEqual(['rejected', 'rejected', 1]);
  await expect(ask(never)).rejects.toThrow('no');
  expect(runs).toBe(2);
});
