/**
 * Real servers for the tests in test/real: each call starts one of its own, on free ports, in a folder of its own,
 * by the programs in scripts/testbed. Use at the top of a test file:
 *
 *   const pool = await htcondorTestbed('demand');
 *   afterAll(() => stopTestbeds(pool));
 *   describe.skipIf(isMissing(pool))('demand of a real queue', () => { … had(pool).bin … });
 *
 * What this host cannot have (no root, no Debian mirror) is said aloud and its tests are skipped; with
 * SPILLWAY_TESTBED_REQUIRED=1 it is a failure. A server that should start and does not is always one.
 * SPILLWAY_TESTBED_NO_HTCONDOR (_EC2, _BOOTER) holds the reason where scripts/test has found that out already.
 */
import { execFile } from 'node:child_process';
import { readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const scripts = resolve(import.meta.dirname, '../../scripts/testbed');
const cannotExitCode = 69;
/** The first start of an OpenStack unpacks and fills one. */
const startTimeoutMs = 900_000;

export interface Missing {
  readonly kind: 'missing';
  readonly reason: string;
}

export interface HTCondorTestbed {
  readonly kind: 'htcondor';
  readonly folder: string;
  /** Tools of this pool: condor_q, condor_status, condor_submit, … They need nothing in the environment. */
  readonly bin: string;
  readonly configPath: string;
  /** `host:port`. */
  readonly collector: string;
  readonly port: number;
  readonly schedds: readonly string[];
  readonly trustDomain: string;
  /** The signing key that machines' tokens are made with; the collector knows it by this name. */
  readonly keyName: string;
  readonly keyPath: string;
  /** Whose jobs the tools submit. */
  readonly user: string;
  /** Root file system that a machine of this pool can boot from. */
  readonly machineRoot: string;
  /** Runs a tool to its end; rejects with its output where it fails. */
  run(tool: string, args: readonly string[]): Promise<string>;
  lever(verb: HTCondorLever): Promise<void>;
  stop(): Promise<void>;
}

export type HTCondorLever =
  | 'schedd-hang'
  | 'schedd-resume'
  | 'schedd-stop'
  | 'schedd-start'
  | 'schedd-deny'
  | 'schedd-allow'
  | 'collector-restart'
  | 'deny-read'
  | 'allow-read';

export interface Ec2Testbed {
  readonly kind: 'ec2';
  readonly folder: string;
  readonly endpoint: string;
  readonly port: number;
  readonly region: string;
  readonly zone: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** An image that the endpoint knows. */
  readonly imageId: string;
  /** Replaces the levers; what each does: scripts/testbed/ec2-server.py. */
  setLevers(levers: Readonly<Record<string, unknown>>): void;
  /** Every API call so far but the booter's, in the order of their answers. */
  calls(): readonly Ec2Call[];
  /** Forgets all instances, levers and calls. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export interface Ec2Call {
  /** Epoch seconds. */
  readonly at: number;
  readonly action: string;
  /** HTTP status; 0: the answer was lost. */
  readonly status: number;
  /** The caller's access key id. */
  readonly by: string;
}

export interface BooterTestbed {
  readonly kind: 'booter';
  readonly folder: string;
  /** A folder for each machine, by the cloud's id: console.log, address, upper/ with what it has written. */
  readonly machinesPath: string;
  /** Replaces the levers; what each does: scripts/testbed/booter.d/main.ts. */
  setLevers(levers: Readonly<Record<string, unknown>>): void;
  /** Kills the booter alone and starts it again: its machines live on. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export function isMissing(testbed: { readonly kind: string }): testbed is Missing {
  return testbed.kind === 'missing';
}

/** The testbed, where the test has not been skipped for its absence. */
export function had<Testbed extends { readonly kind: string }>(
  testbed: Testbed | Missing,
): Exclude<Testbed, Missing> {
  if (isMissing(testbed)) throw new Error(testbed.reason);
  return testbed as Exclude<Testbed, Missing>;
}

export interface HTCondorTestbedOptions {
  /** 1 by default. */
  readonly schedds?: number;
  /** Lines appended to the pool's configuration. */
  readonly extraConfig?: string;
}

export async function htcondorTestbed(
  name: string,
  { schedds = 1, extraConfig = '' }: HTCondorTestbedOptions = {},
): Promise<HTCondorTestbed | Missing> {
  const started = await start('htcondor', name, { SCHEDDS: String(schedds), EXTRA_CONFIG: extraConfig });
  if (isMissing(started)) return started;
  const facts = started.facts as unknown as Omit<HTCondorTestbed, 'run' | 'lever' | 'stop'>;
  return {
    ...facts,
    run: async (tool, args) => {
      const output = await run(join(facts.bin, tool), [...args], { maxBuffer: 256 * 1024 * 1024 });
      return output.stdout;
    },
    lever: (verb) => call('htcondor', verb, started.name),
    stop: started.stop,
  };
}

export async function ec2Testbed(name: string): Promise<Ec2Testbed | Missing> {
  const started = await start('ec2', name, {});
  if (isMissing(started)) return started;
  const facts = started.facts as unknown as Ec2Testbed & {
    readonly leversPath: string;
    readonly callsPath: string;
  };
  return {
    ...facts,
    setLevers: (levers) => writeWhole(facts.leversPath, JSON.stringify(levers)),
    calls: () =>
      readFileSync(facts.callsPath, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Ec2Call)
        .filter(({ by }) => by !== 'booter'),
    reset: () => call('ec2', 'reset', started.name),
    stop: started.stop,
  };
}

export interface BooterTestbedOptions {
  /** EC2's, or Keystone's with `/v3`. */
  readonly endpoint: string;
  readonly region?: string;
  /** Of OpenStack's user admin: then the cloud is one. */
  readonly adminPassword?: string;
  /** Machines' addresses begin at 127.0.BLOCK.1; booters side by side need blocks of their own. */
  readonly block?: number;
}

export async function booterTestbed(
  name: string,
  { endpoint, region = 'us-east-1', adminPassword, block = 1 }: BooterTestbedOptions,
): Promise<BooterTestbed | Missing> {
  const ofCloud =
    adminPassword === undefined ? {} : { CLOUD: 'openstack', BOOTER_ADMIN_PASSWORD: adminPassword };
  const started = await start('booter', name, {
    ENDPOINT: endpoint,
    REGION: region,
    BLOCK: String(block),
    ...ofCloud,
  });
  if (isMissing(started)) return started;
  const facts = started.facts as unknown as BooterTestbed & { readonly leversPath: string };
  return {
    ...facts,
    setLevers: (levers) => writeWhole(facts.leversPath, JSON.stringify(levers)),
    restart: () => call('booter', 'restart', started.name),
    stop: started.stop,
  };
}

export interface PrometheusTestbed {
  readonly kind: 'prometheus';
  readonly folder: string;
  readonly endpoint: string;
  /** Path of the program. */
  readonly promtool: string;
  stop(): Promise<void>;
}

/** Scrapes a daemon's API at `host:port` with the token in a file. */
export async function prometheusTestbed(
  name: string,
  { target, tokenFile }: { readonly target: string; readonly tokenFile: string },
): Promise<PrometheusTestbed | Missing> {
  const started = await start('prometheus', name, { TARGET: target, TOKEN_FILE: tokenFile });
  if (isMissing(started)) return started;
  return { ...(started.facts as unknown as PrometheusTestbed), stop: started.stop };
}

export interface OpenstackTestbed {
  readonly kind: 'openstack';
  readonly folder: string;
  /** Keystone's, with `/v3`. */
  readonly authUrl: string;
  readonly region: string;
  readonly user: string;
  readonly password: string;
  readonly project: string;
  /** Another project of the user's, with a quota of 2 instances, 6 cores and 12,000 MiB. */
  readonly smallProject: string;
  /** Of the user and the project `admin`. */
  readonly adminPassword: string;
  readonly image: string;
  readonly flavor: string;
  readonly network: string;
  readonly externalNetwork: string;
  readonly zone: string;
  /** Replaces the levers; what each does: scripts/testbed/openstack.d/lab_driver.py. */
  setLevers(levers: Readonly<Record<string, unknown>>): void;
  /** Deletes all servers and addresses, and forgets the levers. */
  clean(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Ten minutes and 3 GiB of memory on two idle cores, so it is for who asks for it: SPILLWAY_TESTBED_OPENSTACK=1. Any other word
 * is the name of one that has been started (scripts/testbed/openstack): it is used as it is, and goes on.
 */
export async function openstackTestbed(name: string): Promise<OpenstackTestbed | Missing> {
  const asked = process.env.SPILLWAY_TESTBED_OPENSTACK ?? '';
  if (asked === '') return { kind: 'missing', reason: 'SPILLWAY_TESTBED_OPENSTACK is not set' };
  const started = asked === '1' ? await start('openstack', name, {}) : await running('openstack', asked);
  if (isMissing(started)) return started;
  const facts = started.facts as unknown as OpenstackTestbed & { readonly leversPath: string };
  return {
    ...facts,
    setLevers: (levers) => writeWhole(facts.leversPath, JSON.stringify(levers)),
    clean: () => call('openstack', 'clean', started.name),
    stop: started.stop,
  };
}

export interface KubernetesTestbed {
  readonly kind: 'kubernetes';
  readonly folder: string;
  /** The API server's URL; its certificate is its own authority, in `caPath`. */
  readonly endpoint: string;
  readonly caPath: string;
  readonly version: string;
  readonly adminToken: string;
  /** A user without any rights, and its token. */
  readonly user: string;
  readonly userToken: string;
  /** The cluster's store hears nothing; all goes on at `thaw`. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The first start builds it (10 minutes of a core), so it is for who asks for it: SPILLWAY_TESTBED_KUBERNETES=1. Any other word
 * is the name of one that has been started (scripts/testbed/kubernetes): it is used as it is, and goes on.
 */
export async function kubernetesTestbed(name: string): Promise<KubernetesTestbed | Missing> {
  const asked = process.env.SPILLWAY_TESTBED_KUBERNETES ?? '';
  if (asked === '') return { kind: 'missing', reason: 'SPILLWAY_TESTBED_KUBERNETES is not set' };
  const started = asked === '1' ? await start('kubernetes', name, {}) : await running('kubernetes', asked);
  if (isMissing(started)) return started;
  return {
    ...(started.facts as unknown as KubernetesTestbed),
    freeze: () => call('kubernetes', 'freeze', started.name),
    thaw: () => call('kubernetes', 'thaw', started.name),
    stop: started.stop,
  };
}

/** Stops them in the order given; missing ones are passed over. */
export async function stopTestbeds(
  ...testbeds: readonly (Missing | { readonly kind: string; stop(): Promise<void> })[]
): Promise<void> {
  for (const testbed of testbeds) if ('stop' in testbed) await testbed.stop();
}

interface Started {
  readonly kind: 'started';
  readonly name: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly stop: () => Promise<void>;
}

type Program = 'htcondor' | 'ec2' | 'booter' | 'openstack' | 'kubernetes' | 'prometheus';

async function start(
  program: Program,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<Started | Missing> {
  const known = process.env[`SPILLWAY_TESTBED_NO_${program.toUpperCase()}`];
  if (known !== undefined && known !== '') return missing(program, known);
  const runName = process.env.SPILLWAY_TESTBED_RUN ?? 'test';
  const unique = `${runName}-${name}-${process.pid}`;
  let stdout: string;
  try {
    await run(join(scripts, program), ['start', unique], {
      env: { ...process.env, ...env },
      timeout: startTimeoutMs,
    });
    ({ stdout } = await run(join(scripts, program), ['status', unique]));
  } catch (error) {
    return missingOrThrow(program, error);
  }
  const facts = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  return {
    kind: 'started',
    name: unique,
    facts,
    stop: async () => {
      await call(program, 'stop', unique);
      removeFolder(String(facts.folder));
    },
  };
}

/** One that somebody else has started, and will stop. */
async function running(program: Program, name: string): Promise<Started> {
  const { stdout } = await run(join(scripts, program), ['status', name]);
  const facts = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  return { kind: 'started', name, facts, stop: async () => {} };
}

async function call(program: Program, verb: string, name: string): Promise<void> {
  await run(join(scripts, program), [verb, name]);
}

function missingOrThrow(program: Program, error: unknown): Missing {
  const failure = error as { readonly code?: unknown; readonly stderr?: string };
  const reason = (failure.stderr ?? String(error)).trim();
  if (failure.code !== cannotExitCode)
    throw new Error(`scripts/testbed/${program}: ${reason}`, { cause: error });
  return missing(program, reason);
}

function missing(program: Program, reason: string): Missing {
  if (process.env.SPILLWAY_TESTBED_REQUIRED === '1') throw new Error(`no ${program} testbed: ${reason}`);
  process.stderr.write(`SKIPPED, no ${program} testbed: ${reason}\n`);
  return { kind: 'missing', reason };
}

/** A reader never sees half of it. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function removeFolder(folder: string): void {
  if (process.env.SPILLWAY_TESTBED_KEEP === '1') return;
  rmSync(folder, { recursive: true, force: true });
  try {
    rmdirSync(dirname(folder));
  } catch {
    // other testbeds of the same name still live there
  }
}
