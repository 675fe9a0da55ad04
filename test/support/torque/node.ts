import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LeaseView } from '../../../src/model/lease.ts';
import { createSite, type RunningSite, until } from '../runningSite.ts';
import { type SshMachines, startSshMachines } from './machines.ts';
import { createMom, type Mom, type MomOptions } from './mom.ts';

const checkout = resolve(import.meta.dirname, '../../..');

/** A worker node with the shipped hooks, the daemon that it borrows from, and the machines. */
export interface TorqueNode {
  readonly site: RunningSite;
  readonly machines: SshMachines;
  readonly stateDir: string;
  /** `settings` are lines of the settings file. */
  mom(options: {
    np: number;
    /** `$prologalarm`. */
    prologAlarmMs?: number;
    /** What the settings say of it. */
    saidAlarmMs?: number;
    alarmKills?: MomOptions['alarmKills'];
    settings?: string;
  }): Mom;
  leases(): Promise<readonly LeaseView[]>;
  /** Waits until nothing is lent and nothing is written down. */
  untilQuiet(): Promise<void>;
  dispose(): Promise<void>;
}

export interface NodeOptions {
  readonly machines: number;
  readonly port: number;
  readonly firstHost: number;
}

export async function startTorqueNode({
  machines: count,
  port,
  firstHost,
}: NodeOptions): Promise<TorqueNode> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-torque-'));
  chmodSync(folder, 0o755);
  const machines = await startSshMachines(folder, { count, port, firstHost });
  const site = createSite({ config: siteOf(machines, folder) });
  await site.start();
  await until('all machines are Free', async () => (await site.status()).pools[0]?.states.Free === count);
  const stateDir = join(folder, 'torque');
  const moms: Mom[] = [];

  async function leases(): Promise<readonly LeaseView[]> {
    return (await site.get<{ leases: readonly LeaseView[] }>('/v1/leases'))?.leases ?? [];
  }

  return {
    site,
    machines,
    stateDir,
    leases,
    mom: ({
      np,
      prologAlarmMs = 300_000,
      saidAlarmMs = prologAlarmMs,
      alarmKills = 'process',
      settings = '',
    }) => {
      const priv = mkdtempSync(join(folder, 'mom-'));
      chmodSync(priv, 0o755);
      const conf = join(priv, 'torque.conf');
      writeFileSync(
        conf,
        `pool = vmpool\nstateDir = ${stateDir}\nsocket = ${join(site.folder, 'api.sock')}\n` +
          `spillway = ${join(priv, 'spillway')}\nprologAlarm = ${saidAlarmMs}ms\nttl = 60s\nretryFirst = 1s\n${settings}`,
      );
      // As the documentation has them installed, with the settings at a place of this test.
      for (const name of ['prologue', 'epilogue', 'job_starter']) {
        const text = readFileSync(join(checkout, 'config/torque', name), 'utf8');
        writeFileSync(join(priv, name), text.replace('/etc/spillway/torque.conf', conf));
        chmodSync(join(priv, name), name === 'job_starter' ? 0o755 : 0o500);
      }
      writeFileSync(
        join(priv, 'spillway'),
        `#!/bin/sh\nexec ${process.execPath} ${checkout}/src/main.ts "$@"\n`,
      );
      chmodSync(join(priv, 'spillway'), 0o755);
      const mom = createMom({
        folder: priv,
        np,
        prologAlarmMs,
        alarmKills,
        killDelayMs: 2_000,
        firstNumber: 1 + 1000 * moms.length,
        user: { name: 'nobody', group: 'nogroup', uid: 65534, gid: 65534 },
      });
      moms.push(mom);
      return mom;
    },
    untilQuiet: async () => {
      await until('every lease is given back and every machine wiped', async () => {
        const open = await leases();
        const known = (name: string) => readdirSync(join(stateDir, name)).length;
        return open.length === 0 && known('leases') === 0 && known('jobs') === 0;
      });
    },
    dispose: async () => {
      for (const mom of moms) await mom.close();
      stopKeeper(stateDir);
      await site.dispose();
      await machines.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function stopKeeper(stateDir: string): void {
  try {
    process.kill(Number(readFileSync(join(stateDir, 'keeper'), 'utf8').split(' ')[0]), 'SIGKILL');
  } catch {
    // none runs
  }
}

function siteOf({ addresses, port, adminKey }: SshMachines, folder: string): string {
  const hosts = addresses.map((address, index) => `{name: vm${index + 1}, address: ${address}}`).join(', ');
  return `
site: rack
stateDir: FOLDER/state
socket: FOLDER/api.sock
queues:
  - {name: leases, adapter: lease, poll: 1s, access: {ssh: {user: vmuser, admin: root, identity: ${adminKey}, port: ${port}}}}
clouds:
  - {name: rack, driver: fixed, poll: 1s, folder: ${folder}/claims, hosts: [${hosts}]}
offers:
  - {name: host, cloud: rack, cpus: 4, memory: 1GiB, disk: 1GiB, boot: {}}
pools:
  - {name: vmpool, queue: leases, offers: [host], min: ${addresses.length}, max: ${addresses.length}}
`;
}
