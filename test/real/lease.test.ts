import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markOf } from '../../src/clouds/local/machines.ts';
import { killAll, readHostProcesses } from '../../src/host/processes.ts';
import { eventually } from '../support/eventually.ts';

/** The daemon, its command, and machines of this host, as a user has them: nothing is simulated. */
const main = resolve(import.meta.dirname, '../../src/main.ts');
const page = readFileSync(resolve(import.meta.dirname, '../../docs/borrow.md'), 'utf8');
const run = promisify(execFile);
const never = new AbortController().signal;

let folder: string;
let daemon: ChildProcess | null;
let environment: NodeJS.ProcessEnv;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-borrow-'));
  daemon = null;
  const [, yaml = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(page) ?? [];
  writeFileSync(join(folder, 'site.yaml'), yaml.replaceAll('HERE', folder));
  writeFileSync(join(folder, 'spillway'), `#!/bin/sh\nexec ${process.execPath} ${main} "$@"\n`, {
    mode: 0o755,
  });
  environment = {
    PATH: `${folder}:${process.env.PATH}`,
    HOME: folder,
    SPILLWAY_SOCKET: join(folder, 'api.sock'),
    OUT: join(folder, 'out'),
  };
});

afterEach(async () => {
  daemon?.kill('SIGKILL');
  const host = await readHostProcesses(never);
  for (const id of machines()) killAll(host.marked(markOf('lab', id), null), 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function machines(): readonly string[] {
  try {
    return readdirSync(join(folder, 'machines', 'lab'));
  } catch {
    return [];
  }
}

async function start(crashpoint = ''): Promise<ChildProcess> {
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn('spillway', ['run', 'site.yaml'], {
    cwd: folder,
    env: { ...environment, SPILLWAY_CRASHPOINT: crashpoint },
    stdio: ['ignore', log, log],
  });
  daemon = child;
  await eventually('the daemon answers', async () =>
    run('spillway', ['status'], { env: environment }).then(
      () => true,
      () => child.exitCode !== null || child.signalCode !== null,
    ),
  );
  return child;
}

async function shell(command: string): Promise<string> {
  const child = spawn('sh', ['-c', command], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  return code === 0 ? said : `${said}[exit code ${code}]\n`;
}

describe('borrowing', () => {
  it('is as docs/borrow.md shows it', async () => {
    await start();
    const sessions = [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, body = '']) => body);
    const shown = sessions.flatMap((session) => session.split(/^\$ /m).slice(1));
    expect(shown.length).toBeGreaterThan(10);
    for (const part of shown) {
      const [command = '', ...lines] = part.split('\n');
      expect(await shell(command), command).toBe(lines.join('\n'));
    }
  });

  it('outlives the daemon: killed at each place where a lease is stored, no command is lost, doubled or killed', async () => {
    // Asked, granted, held, given back, ended: each is stored, and the daemon dies just before or just after.
    for (const moment of ['beforeCommit', 'afterCommit'] as const)
      for (const nth of [1, 2, 3, 4, 5]) {
        const what = `lease/${moment}#${nth}`;
        appendFileSync(join(folder, 'out'), '');
        const dying = await start(what);
        const died = once(dying, 'exit');
        const command = `echo ${what} >> "$OUT"; test ! -e canary; echo mine > canary; sleep 1; exit 5`;
        const asking = shell(`spillway lease --pool desks --quiet -- sh -c '${command}'`);
        const [, signal] = (await died) as [number | null, string | null];
        expect(signal, what).toBe('SIGKILL');
        await start();
        const said = await asking;
        expect(said, what).toBe('[exit code 5]\n');
        const runs = readFileSync(join(folder, 'out'), 'utf8')
          .split('\n')
          .filter((line) => line === what);
        expect(runs.length, what).toBe(1);
        // What is left to be stored of this lease would otherwise be the next life's first.
        await eventually('the machine is wiped', async () =>
          (await shell('spillway leases')).startsWith('no lease'),
        );
        daemon?.kill('SIGKILL');
      }
    await start();
    expect(machines().length).toBeLessThanOrEqual(4);
  }, 600_000);
});
