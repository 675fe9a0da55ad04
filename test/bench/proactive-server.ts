import { startProactive } from '../support/proactive/server.ts';
import { nodesUser, pool } from '../support/proactive/under-test.ts';

/** The stand-in in a process of its own, so that its work is not counted with the adapter's. */
export type ServerOrder =
  | {
      readonly kind: 'fill';
      readonly jobs: number;
      readonly tasks: number;
      readonly nodes: readonly string[];
      readonly tokens: readonly string[];
    }
  /** The first task of so many jobs ends. */
  | { readonly kind: 'change'; readonly jobs: number }
  | { readonly kind: 'requests' };

const server = await startProactive();
const { world } = server;
let changed = 0;

process.on('message', (order: ServerOrder) => {
  switch (order.kind) {
    case 'fill':
      for (let n = 0; n < order.jobs; n++) {
        const words = { PROJECT: `p${n % 40}` };
        const tasks = Array.from({ length: order.tasks }, (_, at) => ({
          words,
          after: at === 0 ? [] : [`t${at - 1}`],
        }));
        world.submit({ owner: `user${n % 20}`, words, tasks });
      }
      for (const [at, name] of order.nodes.entries())
        world.addNode({
          url: `pnp://10.1.${at >> 8}.${at & 255}:64738/${name}_0`,
          source: pool,
          host: `host-${at}`,
          provider: nodesUser,
          tokens: [order.tokens[at] ?? ''],
        });
      process.send?.(null);
      return;
    case 'change':
      for (let n = 0; n < order.jobs; n++) {
        changed += 1;
        world.setTask(`${changed}t0`, 'FINISHED');
      }
      process.send?.(null);
      return;
    case 'requests':
      process.send?.(server.requests.length);
  }
});
process.on('disconnect', () => void server.stop());
process.send?.({ url: server.url, username: server.username, password: server.password });
