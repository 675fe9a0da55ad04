import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Question } from './messages.ts';

/**
 * A story leaves little behind: what is young dies young, and need not be copied. Errors are the weather of a story, and
 * nobody reads their stacks; a seed that is played with --trace has them.
 */
const execArgv = ['--max-semi-space-size=32', '--stack-trace-limit=0'];
const workerFile = fileURLToPath(new URL('worker.ts', import.meta.url));

/**
 * Has the questions answered by so many processes side by side, each question when a process is free. `onAnswer` says
 * whether to go on. Resolves when all are answered or it has said no; rejects when a process dies.
 */
export async function askCrew(
  questions: Iterator<Question>,
  { jobs, onAnswer }: { jobs: number; onAnswer: (answer: Answer) => boolean },
): Promise<void> {
  const workers: ChildProcess[] = [];
  let isOver = false;
  try {
    await Promise.all(
      Array.from({ length: jobs }, async () => {
        const worker = fork(workerFile, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv });
        workers.push(worker);
        for (;;) {
          const next = isOver ? null : questions.next();
          if (next === null || next.done === true) return;
          if (!onAnswer(await ask(worker, next.value))) isOver = true;
        }
      }),
    );
  } finally {
    for (const worker of workers) worker.disconnect();
  }
}

function ask(worker: ChildProcess, question: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const dead = (code: number | null) =>
      reject(new Error(`a process ended with ${code} at seed ${question.seed}`));
    worker.once('exit', dead);
    worker.once('message', (answer) => {
      worker.removeListener('exit', dead);
      resolve(answer as Answer);
    });
    worker.send(question);
  });
}
