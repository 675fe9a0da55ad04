import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runHook } from '../../src/host/ask-machine.ts';
import { runProgram } from '../../src/host/programs.ts';

const never = new AbortController().signal;
const hooks = resolve(import.meta.dirname, '../../config/hooks');
const hasJq = await runProgram(['jq', '--version'], { stdoutBytesMax: 1000 }, never).then(
  () => true,
  () => false,
);
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-hooks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const facts = (moment: string) =>
  JSON.stringify({ moment, instance: 'site-x-0', pool: 'small', address: '192.0.2.1', phase: 'idle' });

describe.skipIf(!hasJq)('the example hooks (skipped where this host has no jq)', () => {
  it('nagios writes passive checks', async () => {
    const commands = join(folder, 'cmd');
    for (const moment of ['free', 'unusable', 'ended'])
      await runHook([join(hooks, 'nagios'), commands], facts(moment), never);
    expect(readFileSync(commands, 'utf8').replaceAll(/^\[\d+\] /gm, '')).toBe(
      'PROCESS_HOST_CHECK_RESULT;site-x-0;0;Free in pool small at 192.0.2.1\n' +
        'PROCESS_HOST_CHECK_RESULT;site-x-0;1;Unusable: idle\nDISABLE_HOST_CHECK;site-x-0\n',
    );
  });

  it('ganglia counts, also when many come at once', async () => {
    const gmetric = join(folder, 'gmetric');
    writeFileSync(gmetric, `#!/bin/sh\necho "$@" >> ${folder}/said\n`);
    chmodSync(gmetric, 0o755);
    const command = [
      'env',
      `PATH=${folder}:${process.env.PATH}`,
      join(hooks, 'ganglia'),
      join(folder, 'counts'),
    ];
    await Promise.all(Array.from({ length: 5 }, () => runHook(command, facts('free'), never)));
    expect(readFileSync(join(folder, 'counts', 'small.free'), 'utf8')).toBe('5\n');
    expect(readFileSync(join(folder, 'said'), 'utf8').split('\n')).toHaveLength(6);
  });
});

describe('a hook', () => {
  it('that ends with an error is an error, with the first line that it said', async () => {
    const failing = ['sh', '-c', 'echo no nagios >&2; exit 3'];
    await expect(runHook(failing, '{}', never)).rejects.toThrow('exit code 3: no nagios');
  });
});
