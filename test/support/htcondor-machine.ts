/**
 * A machine of a testbed's pool without a cloud behind it: a master and a startd with a configuration, a folder and an
 * address of 127.0.0.0/8 of their own. Nothing of the pool's own folder is shared with it but the programs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HTCondorTestbed } from './testbed.ts';

export interface MachineOptions {
  readonly name: string;
  /** Of 127.0.0.0/8. */
  readonly address: string;
  readonly token: string;
  /** Lines of configuration: what it publishes, its slots. */
  readonly config: string;
}

export interface Machine {
  /** Pulls the plug: neither its jobs nor the collector hear of it. */
  kill(): void;
  /** Shuts it down. */
  stop(): Promise<void>;
}

const poolUserId = 1000;

export const frameFolders = ['log', 'spool', 'lock', 'run', 'execute'] as const;

export function startMachine(
  pool: HTCondorTestbed,
  { name, address, token, config }: MachineOptions,
): Machine {
  const folder = mkdtempSync(join(pool.folder, `machine-${name}-`));
  const folders = [...frameFolders, 'tokens.d', 'passwords.d'];
  for (const each of folders) mkdirSync(join(folder, each));
  const configPath = join(folder, 'condor_config');
  const tokenPath = join(folder, 'tokens.d', 'spillway');
  writeFileSync(tokenPath, `${token}\n`);
  writeFileSync(configPath, `${configOf(pool, folder, name, address)}\n${config}\n`);
  chmodSync(tokenPath, 0o600);
  chmodSync(folder, 0o755);
  if (process.getuid?.() === 0) {
    for (const path of [folder, tokenPath, ...folders.map((each) => join(folder, each))]) {
      chownSync(path, poolUserId, poolUserId);
    }
  }
  const args = ['env', `CONDOR_CONFIG=${configPath}`, join(releaseOf(pool), 'sbin/condor_master'), '-f'];
  const master = spawn(join(pool.folder, 'run-as-pool'), args, { stdio: 'ignore' });
  return {
    kill: () => killTree(master.pid),
    stop: async () => {
      if (master.exitCode === null && master.signalCode === null) {
        const ended = once(master, 'exit');
        master.kill('SIGQUIT');
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Each daemon leads a session of its own: they are found as the children of their children. */
function killTree(pid: number | undefined): void {
  if (pid === undefined) return;
  const below = childrenOf(pid);
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
  for (const child of below) killTree(child);
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

/** The pool's programs with a folder of their own, which has `frameFolders`, and one address. */
export function frameOf(pool: HTCondorTestbed, folder: string, address: string): string {
  const release = releaseOf(pool);
  return `RELEASE_DIR = ${release}
BIN = ${release}/bin
SBIN = ${release}/sbin
LIB = ${release}/lib/condor
LIBEXEC = ${release}/libexec/condor
SHARE = ${release}/share/condor
LOCAL_DIR = ${folder}
LOG = ${folder}/log
SPOOL = ${folder}/spool
LOCK = ${folder}/lock
RUN = ${folder}/run
EXECUTE = ${folder}/execute
LOCAL_CONFIG_FILE =
USE_PROCD = FALSE
NETWORK_INTERFACE = ${address}
BIND_ALL_INTERFACES = FALSE
ENABLE_IPV6 = FALSE
NO_DNS = TRUE
DEFAULT_DOMAIN_NAME = pool.test`;
}

function releaseOf({ configPath }: HTCondorTestbed): string {
  return /^RELEASE_DIR = (.*)$/m.exec(readFileSync(configPath, 'utf8'))?.[1] ?? '/usr';
}

function configOf(pool: HTCondorTestbed, folder: string, name: string, address: string): string {
  return `
${frameOf(pool, folder, address)}
LOCAL_CONFIG_DIR =
USE_SHARED_PORT = FALSE
NETWORK_HOSTNAME = ${name}.spillway
CONDOR_HOST = 127.0.0.1
COLLECTOR_HOST = ${pool.collector}
UID_DOMAIN = pool.test
FILESYSTEM_DOMAIN = ${name}.spillway
TRUST_DOMAIN = ${pool.trustDomain}
DAEMON_LIST = MASTER, STARTD
use security:recommended_v9_0
SEC_DEFAULT_AUTHENTICATION_METHODS = IDTOKENS
SEC_TOKEN_DIRECTORY = ${folder}/tokens.d
SEC_TOKEN_SYSTEM_DIRECTORY = ${folder}/tokens.d
SEC_PASSWORD_DIRECTORY = ${folder}/passwords.d
SEC_TOKEN_POOL_SIGNING_KEY_FILE = ${folder}/passwords.d/POOL
SEC_USE_FAMILY_SESSION = FALSE
FILETRANSFER_PLUGINS = $(LIBEXEC)/curl_plugin
ENABLE_URL_TRANSFERS = FALSE
STARTD_DETECT_GPUS = FALSE
OFFER_VM_UNIVERSE = FALSE
RUNBENCHMARKS = FALSE
START = TRUE
SUSPEND = FALSE
PREEMPT = FALSE
KILL = FALSE
UPDATE_INTERVAL = 3
MASTER_UPDATE_INTERVAL = 3
MachineMaxVacateTime = 5
STARTER_ALLOW_RUNAS_OWNER = TRUE
NUM_CPUS = 4
MEMORY = 4000
DISK = 20000000
NUM_SLOTS = 1
NUM_SLOTS_TYPE_1 = 1
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = TRUE`;
}
