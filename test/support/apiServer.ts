import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Api, type ApiOptions, startApi } from '../../src/api/server.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { Log } from '../../src/model/log.ts';
import { createFixtureControl, type FixtureControl } from './fixtureControl.ts';

export interface TestApi {
  readonly folder: string;
  readonly socket: string;
  readonly control: FixtureControl;
  readonly api: Api;
  /** What was logged: level and message. */
  readonly logged: readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** The real server on a socket in a folder of its own, and on the network where it is told to, with the fixture behind it. */
export async function startTestApi(
  clock: Clock = hostClock,
  network: Pick<ApiOptions, 'listen' | 'tokens' | 'visitors'> = { listen: [], tokens: [] },
): Promise<TestApi> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-api-'));
  const socket = join(folder, 'api.sock');
  const control = createFixtureControl();
  const logged: string[] = [];
  const api = await startApi({ ...network, socket, control, clock, log: keepLog(logged) });
  return {
    folder,
    socket,
    control,
    api,
    logged,
    [Symbol.asyncDispose]: async () => {
      await api.close();
      await rm(folder, { recursive: true });
    },
  };
}

export function keepLog(lines: string[]): Log {
  const keep = (level: string) => (_fields: object, message: string) => {
    lines.push(`${level}: ${message}`);
  };
  const log: Log = {
    debug: keep('debug'),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    child: () => log,
  };
  return log;
}
