import { execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';

const install = resolve(import.meta.dirname, '../../../scripts/testbed/cloudstack-witnesses');
const program = join(import.meta.dirname, 'witness.py');
const installTimeoutMs = 300_000;
const cannotExitCode = 69;

export interface Witnesses {
  /** Lets the other client do something: see witness.py. */
  ask(request: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Answers that were recorded from real servers, by file name. */
  readonly recorded: ReadonlyMap<string, string>;
}

/** Null where this host cannot have them; said aloud, and a failure with SPILLWAY_TESTBED_REQUIRED=1. */
export async function cloudstackWitnesses(): Promise<Witnesses | null> {
  const venv = await installed();
  if (venv === null) return null;
  return {
    async ask(request) {
      const child = spawn(join(venv, 'bin/python'), [program], { stdio: ['pipe', 'pipe', 'inherit'] });
      child.stdin.end(JSON.stringify(request));
      return JSON.parse(await text(child.stdout));
    },
    recorded: recordedIn(venv),
  };
}

async function installed(): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(install, ['install'], { timeout: installTimeoutMs });
    return stdout.trim();
  } catch (error) {
    const isCannot = error instanceof Error && 'code' in error && error.code === cannotExitCode;
    if (!isCannot || process.env.SPILLWAY_TESTBED_REQUIRED === '1') throw error;
    process.stderr.write(`CloudStack's witnesses are skipped: ${error.message}\n`);
    return null;
  }
}

function recordedIn(venv: string): ReadonlyMap<string, string> {
  const [python = ''] = readdirSync(join(venv, 'lib'));
  const folder = join(venv, 'lib', python, 'site-packages/libcloud/test/compute/fixtures/cloudstack');
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}
