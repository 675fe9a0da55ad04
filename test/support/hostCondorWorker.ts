import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { replaceEach } from './replaceEach.ts';
import type { HTCondorTestbed } from './testbed.ts';

const template = resolve(import.meta.dirname, '../../config/user-data/htcondor.sh');

/**
 * The shipped boot template as a machine of this host runs it: its files are in a folder of the pool's, whose own user runs the
 * startd, on the host's one address. `extraConfig`: lines of HTCondor's configuration.
 */
export async function hostWorkerUserData(pool: HTCondorTestbed, extraConfig = ''): Promise<string> {
  const release = (await pool.run('condor_config_val', ['RELEASE_DIR'])).trim();
  const asPool = join(pool.folder, 'run-as-pool');
  const own = join(pool.folder, 'workers/{{instance}}');
  const begin = `mkdir -p ${own}/log ${own}/execute ${own}/spool ${own}/etc/config.d
cat >${own}/condor_config <<'END_OF_FRAME'
RELEASE_DIR = ${release}
BIN = ${release}/bin
SBIN = ${release}/sbin
LIB = ${release}/lib/condor
LIBEXEC = ${release}/libexec/condor
SHARE = ${release}/share/condor
LOCAL_DIR = ${own}
LOG = ${own}/log
SPOOL = ${own}/spool
LOCK = ${own}/log
RUN = ${own}/log
EXECUTE = ${own}/execute
USE_PROCD = FALSE
SEC_TOKEN_DIRECTORY = ${own}/etc/tokens.d
SEC_PASSWORD_DIRECTORY = ${own}/etc/passwords.d
LOCAL_CONFIG_FILE =
LOCAL_CONFIG_DIR = ${own}/etc/config.d
NETWORK_INTERFACE = 127.0.0.1
BIND_ALL_INTERFACES = FALSE
ENABLE_IPV6 = FALSE
NO_DNS = TRUE
DEFAULT_DOMAIN_NAME = pool.test
${extraConfig}
END_OF_FRAME
`;
  const end = `[ "$(id -u)" != 0 ] || chown -R "$(${asPool} id -u)" ${own}
exec ${asPool} sh -c 'CONDOR_CONFIG=${own}/condor_config exec condor_master -f'
`;
  return replaceEach(readFileSync(template, 'utf8'), [
    ['exec >>/var/log/spillway-boot.log 2>&1', `${begin}exec >>${own}/boot.log 2>&1`],
    ['/etc/condor', `${own}/etc`],
    ['/usr/local/sbin', `${own}/sbin`],
    ['command -v condor_master', 'true'],
    ['command -v iptables', 'false'],
    [/^if \[ -d \/run\/systemd\/system \][\s\S]*/m, end],
  ]);
}
