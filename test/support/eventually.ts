import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks again and again until the answer is truthy, and returns it; for real servers, which have no clock that a
 * test could turn. Throws with the last answer, or the last error, when the time is over.
 */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer> | Answer,
  { withinMs = 90_000, everyMs = 200 }: { readonly withinMs?: number; readonly everyMs?: number } = {},
): Promise<Answer> {
  const end = Date.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= end) throw new Error(`${what}: not within ${withinMs} ms; last: ${String(last)}`);
    await delay(everyMs);
  }
}
