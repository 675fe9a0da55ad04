import { Readable, Writable } from 'node:stream';
import type { CliDeps, Sink } from '../../src/cli/deps.ts';
import { runCli } from '../../src/cli/program.ts';
import { hostFiles } from '../../src/config/files.ts';
import { hostClock } from '../../src/daemon/clock.ts';

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command line with everything around it caught. */
export async function cli(args: readonly string[], given: Partial<CliDeps> = {}): Promise<CliRun> {
  const out = catchText();
  const err = catchText();
  const unexpected = () => Promise.reject(new Error('this test did not expect that call'));
  const code = await runCli(args, {
    version: '0.1.0',
    stdout: out.sink,
    stderr: err.sink,
    env: {},
    cwd: '/srv',
    files: hostFiles,
    clock: hostClock,
    signal: new AbortController().signal,
    runDaemon: unexpected,
    checkSite: unexpected,
    loadSite: unexpected,
    lookLive: unexpected,
    readCatalog: unexpected,
    store: { locate: unexpected, backup: unexpected, restore: unexpected, check: unexpected },
    lease: noLease,
    torque: noTorque,
    classad: noClassAds,
    ...given,
  });
  return { code, stdout: out.text(), stderr: err.text() };
}

/** For commands that borrow nothing. */
export const noLease: CliDeps['lease'] = {
  user: 'nobody',
  isTerminal: false,
  makeKeys: () => Promise.reject(new Error('no keys')),
  run: () => Promise.reject(new Error('nothing is run')),
};

/** For commands that are no hooks. */
export const noTorque: CliDeps['torque'] = {
  hostName: 'wn1',
  hasParent: () => true,
  startApart: () => {
    throw new Error('nothing is started');
  },
};

/** For commands that have to do with no ClassAds. */
export const noClassAds: CliDeps['classad'] = {
  input: Readable.from([]),
  output: new Writable(),
  errors: new Writable(),
  nowSeconds: () => 0,
  monotonicSeconds: () => 0,
  random: () => 0.5,
};

export function catchText(isTTY = false): { readonly sink: Sink; text(): string } {
  let caught = '';
  return {
    sink: {
      isTTY,
      write: (text) => {
        caught += text;
      },
    },
    text: () => caught,
  };
}
