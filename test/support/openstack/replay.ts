import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type OpenStack, openStack } from '../../../src/clouds/openstack/client/client.ts';

interface Recorded {
  readonly request: { readonly method: string; readonly url: string; readonly body?: unknown };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | readonly string[]>>;
    readonly body?: unknown;
  };
}

export function recorded(name: string): Recorded {
  const path = join(import.meta.dirname, '../../data/openstack', `${name}.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as Recorded;
}

export const replayPassword = 'password-of-the-replay';

export interface Replay {
  readonly client: OpenStack;
  /** Method and path of each call, with the query, oldest first. */
  readonly calls: readonly string[];
  stop(): Promise<void>;
}

/**
 * Recorded answers behind the client, whatever is asked: by the beginning of the call (`GET /v2.1/servers`), several one after
 * the other, and the last for ever. The log-in and the versions are recorded ones, too, unless said otherwise.
 */
export async function startReplay(
  answers: Readonly<Record<string, string | readonly string[]>>,
): Promise<Replay> {
  const all = new Map(
    Object.entries({
      'POST /v3/auth/tokens': 'token-password-scoped',
      'GET /v2.1/ ': 'nova-version-v2.1',
      ...answers,
    }).map(([call, names]) => [call, [names].flat()] as const),
  );
  const calls: string[] = [];
  let base = '';
  const server = createServer((request, response) => {
    request.resume();
    const call = `${request.method} ${request.url} `;
    calls.push(call.trim());
    const known = [...all].toSorted(([a], [b]) => b.length - a.length);
    const names = known.find(([beginning]) => call.startsWith(beginning))?.[1] ?? [];
    const name = names.length > 1 ? names.shift() : names[0];
    if (name === undefined) {
      response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(`nothing is recorded for ${call}`);
      return;
    }
    const { status, headers, body } = recorded(name).response;
    // The services are all at one place here.
    const text = (typeof body === 'string' ? body : JSON.stringify(body ?? '')).replaceAll(
      /http:\/\/127\.0\.0\.1:\d+/g,
      base,
    );
    const { 'content-length': _length, connection: _connection, ...kept } = headers;
    response.writeHead(
      status,
      Object.fromEntries(Object.entries(kept).map(([key, value]) => [key, [value].flat()])),
    );
    response.end(body === undefined || body === null || status === 204 ? '' : text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const domain = { id: 'default' };
  const client = openStack({
    authUrl: base,
    credentials: {
      kind: 'password',
      user: { name: 'demo', domain },
      password: replayPassword,
      project: { name: 'demo', domain },
    },
    place: { region: 'RegionOne', interface: 'public' },
    endpoints: {},
    ca: null,
    verify: true,
    clock: { monotonicNow: () => 0 },
  });
  return {
    client,
    calls,
    async stop() {
      await client.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
