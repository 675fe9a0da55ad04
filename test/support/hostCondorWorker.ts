import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { frameFolders, frameOf } from './htcondor-machine.ts';
import { replaceEach } from './replaceEach.ts';
import type { HTCondorTestbed } from './testbed.ts';

const template = resolve(import.meta.dirname, '../../config/user-data/htcondor.sh');

/**
 * The shipped boot template as a machine of this host runs it: its files are in a folder of the pool's, whose own user runs the
 * startd, on the host's one address. `extraConfig`: lines of HTCondor's configuration.
 */
export function hostWorkerUserData(pool: HTCondorTestbed, extraConfig = ''): string {
  const asPool = join(pool.folder, 'run-as-pool');
  const own = join(pool.folder, 'workers/{{instance}}');
  const begin = `mkdir -p ${frameFolders.map((name) => `${own}/${name}`).join(' ')} ${own}/etc/config.d
cat >${own}/condor_config <<'END_OF_FRAME'
${frameOf(pool, own, '127.0.0.1')}
SEC_TOKEN_DIRECTORY = ${own}/etc/tokens.d
SEC_PASSWORD_DIRECTORY = ${own}/etc/passwords.d
LOCAL_CONFIG_DIR = ${own}/etc/config.d
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
