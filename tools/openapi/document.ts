import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildApp } from '../../src/api/app.ts';
import { noHistory } from '../../src/api/live/history.ts';
import { createHub } from '../../src/api/live/hub.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import type { Log } from '../../src/model/log.ts';

export const openApiFile = fileURLToPath(new URL('../../docs/openapi.json', import.meta.url));

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };

/** The API's OpenAPI document, as a daemon serves it at /v1/openapi.json. */
export async function openApiDocument(): Promise<unknown> {
  const admit = () => {
    throw new Error('nobody is let in');
  };
  const door = { tls: null, addressConnectionsMax: null, isLocal: true, admit };
  const live = { hub: createHub(hostClock), historian: { history: () => noHistory } };
  const asked = () => ({ ok: true, checks: [] });
  const control = { health: asked, readiness: asked };
  const closing = new AbortController().signal;
  const app = await buildApp({
    door,
    clock: hostClock,
    log: quiet,
    control,
    live,
    closing,
    admitting: () => closing,
  });
  try {
    await app.ready();
    return app.swagger();
  } finally {
    await app.close();
  }
}

/** As it stands in the tree: formatted as all JSON there is. */
export async function openApiText(): Promise<string> {
  const biome = fileURLToPath(new URL('../../node_modules/.bin/biome', import.meta.url));
  const input = `${JSON.stringify(await openApiDocument(), null, 2)}\n`;
  return execFileSync(biome, ['format', '--stdin-file-path', openApiFile], { input, encoding: 'utf8' });
}
