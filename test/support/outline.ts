import { type Outline, outlineOf } from '../../src/cli/completion/outline.ts';
import type { CliDeps } from '../../src/cli/deps.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import { catchText, noClassAds, noLease, noTorque } from './runCli.ts';

/** The outline of the whole command. */
export function programOutline(): Outline {
  const fail = () => Promise.reject(new Error('nothing is run here'));
  const deps: CliDeps = {
    version: '0',
    stdout: catchText().sink,
    stderr: catchText().sink,
    env: {},
    cwd: '/',
    files: { read: fail },
    clock: hostClock,
    signal: new AbortController().signal,
    runDaemon: fail,
    checkSite: fail,
    loadSite: fail,
    store: { locate: fail, check: fail, backup: fail, restore: fail },
    lease: noLease,
    torque: noTorque,
    classad: noClassAds,
  };
  return outlineOf(buildProgram({ deps, exitCode: 0 }));
}
