import { coreMutants } from '../../test/support/soak/coreMutants.ts';
import { runSoak } from '../../test/support/soak/run.ts';
import type { Answer, Question } from './messages.ts';

process.on('disconnect', () => process.exit());
// An interrupt is for the process that asks: the story that is being played is played to its end.
process.on('SIGINT', () => {});

/** Plays one story for each message and sends back what came of it. */
process.on('message', (question: Question) => {
  void play(question);
});

async function play({ seed, mutant }: Question): Promise<void> {
  const found = coreMutants.find(({ name }) => name === mutant);
  const before = process.cpuUsage();
  try {
    const result = await runSoak(seed, found === undefined ? {} : { tampering: found.tampering() });
    const { user, system } = process.cpuUsage(before);
    answer({ kind: 'played', result, cpuMs: (user + system) / 1000 });
  } catch (error) {
    answer({ kind: 'failed', seed, problem: error instanceof Error ? String(error.stack) : String(error) });
  }
}

function answer(message: Answer): void {
  process.send?.(message);
}
