import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';
import { type ChildOrders, visitsIn } from '../support/proactive/crash-child.ts';
import { lifeSources, liveDeployment, type Mortal } from '../support/proactive/deploymentLife.ts';
import { startProactive } from '../support/proactive/server.ts';

const child = join(import.meta.dirname, '../support/proactive/crash-child.ts');

it('SIGKILL at every boundary of a deployment: a token has its machines once, and none is left', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'proactive-crash-'));
  const server = await startProactive();

  async function begin(): Promise<Mortal> {
    const { url, username, password } = server;
    const orders: ChildOrders = { url, username, password, folder, sources: lifeSources };
    const made = fork(child, [JSON.stringify(orders)]);
    if ((await reply(made)) === null) throw new Error('it died before it began');
    return {
      kill: () => made.kill('SIGKILL'),
      ask: (order) => {
        const waiting = reply(made);
        made.send(order);
        return waiting;
      },
    };
  }

  try {
    await liveDeployment(server, { begin, visits: visitsIn(folder) });
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

interface Reply {
  readonly result?: unknown;
  readonly error?: string;
}

/** Null: it has ended without one. */
function reply(from: ChildProcess): Promise<Reply | null> {
  return new Promise((resolve) => {
    const done = (answer: Reply | null) => {
      from.off('message', said);
      from.off('exit', ended);
      resolve(answer);
    };
    const said = (message: unknown) => done(message as Reply);
    const ended = () => done(null);
    from.on('message', said);
    from.on('exit', ended);
  });
}
