import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { replaceEach } from '../replaceEach.ts';
import type { ProactiveStandIn } from './server.ts';

const template = resolve(import.meta.dirname, '../../../config/user-data/proactive.sh');

/**
 * The shipped boot template as a machine of this host runs it: only what needs root is left out. It wants `PROACTIVE_HOME`, the
 * folder of `installNode`.
 */
export function hostNodeUserData(): string {
  const text = replaceEach(readFileSync(template, 'utf8'), [
    ['/var/log/spillway-boot.log', '$HOME/boot.log'],
    [/^id proactive.*$/m, ''],
    [/^\s*chown .*$/gm, ''],
    ['command -v systemctl', 'false'],
    ['su -s /bin/sh proactive -c', 'sh -c'],
    ['/etc/proactive', '$HOME/etc'],
    [`start-node '$home'`, 'start-node $home'],
  ]);
  // A machine of this host ends with its boot command.
  return `${text}wait\n`;
}

/** A `proactive-node` that does nothing but say to the stand-in that it runs, for as long as it runs. */
export function installNode(home: string, server: ProactiveStandIn): void {
  const bin = join(home, 'bin');
  mkdirSync(bin, { recursive: true });
  const program = join(bin, 'proactive-node');
  writeFileSync(program, node(server.nodesUrl));
  chmodSync(program, 0o755);
}

const node = (nodesUrl: string) => `#!/bin/sh
while getopts r:f:s:n:w: option; do
  case $option in f) cred=$OPTARG ;; s) source=$OPTARG ;; n) name=$OPTARG ;; w) workers=$OPTARG ;; esac
done
token=$(sed -n 's/.*proactive.node.access.token=\\([^"]*\\)".*/\\1/p' "\${JDK_JAVA_OPTIONS#@}")
exec curl --silent --no-buffer --fail --data-urlencode "credentials@$cred" --data-urlencode "token=$token" \\
  --data-urlencode "source=$source" --data-urlencode "name=$name" --data-urlencode "workers=$workers" ${nodesUrl}
`;
