import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Kubernetes, kubernetes } from '../../../src/clouds/kubernetes/client/client.ts';

interface Recorded {
  readonly exchanges: readonly {
    readonly response: {
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: unknown;
    };
  }[];
}

export function recorded(name: string): Recorded['exchanges'][number]['response'] {
  const path = join(import.meta.dirname, '../../data/kubernetes', `${name}.json`);
  const last = (JSON.parse(readFileSync(path, 'utf8')) as Recorded).exchanges.at(-1);
  if (last === undefined) throw new Error(`nothing is recorded in ${name}`);
  return last.response;
}

export const replayToken = 'token-of-the-replay-8Kq2';

export interface Replay {
  readonly client: Kubernetes;
  /** Method and path of each call, with the query, oldest first. */
  readonly calls: readonly string[];
  stop(): Promise<void>;
}

/** Recorded answers behind the client, whatever is asked: one after the other, and the last for ever. */
export async function startReplay(names: readonly string[]): Promise<Replay> {
  const left = [...names];
  const calls: string[] = [];
  const server = createServer((request, response) => {
    request.resume();
    calls.push(`${request.method} ${request.url}`);
    const name = left.length > 1 ? left.shift() : left[0];
    const { status, headers, body } = recorded(name ?? '');
    const {
      'content-length': _length,
      'transfer-encoding': _coding,
      connection: _connection,
      ...kept
    } = headers;
    response.writeHead(status, kept);
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = kubernetes({
    access: {
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      tls: { ca: null, verify: true, serverName: null },
      identity: { kind: 'token', token: replayToken },
      impersonate: null,
      namespace: null,
    },
    namespace: 'workers',
    pageSize: 3,
    host: {
      clock: { wallNow: () => 0, monotonicNow: () => 0 },
      files: { readText: () => Promise.reject(new Error('no files here')) },
      programs: { run: () => Promise.reject(new Error('no programs here')) },
    },
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
