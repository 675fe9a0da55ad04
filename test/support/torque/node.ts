import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LeaseView } from '../../../src/model/lease.ts';
import { createSite, type RunningSite, spillway, until } from '../runningSite.ts';
import { type SshMachines, startSshMachines } from './machines.ts';
import { createMom, type Mom, type MomOptions } from './mom.ts';
import { installByPage, momConfigOfPage, siteOfPage } from './page.ts';

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

/** On hosts of the loopback from 127.0.0.21 on, all with the same free port. */
export async function startTorqueNode(count: number): Promise<TorqueNode> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-torque-'));
  chmodSync(folder, 0o755);
  const port = await freePort();
  const machines = await startSshMachines(folder, { count, port, firstHost: 21 });
  const site = createSite({ config: siteOf(machines, folder) });
  try {
    const { code, stdout } = await spillway(['check', site.configPath]);
    if (code !== 0) throw new Error(stdout);
    await site.start();
    await until('all machines are Free', async () => (await site.status()).pools[0]?.states.Free === count);
  } catch (error) {
    await site.dispose();
    await machines.stop();
    throw error;
  }
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
      installByPage(priv);
      const momPriv = join(priv, 'var/spool/torque/mom_priv');
      const jobStarter = join(priv, momConfigOfPage().get('job_starter') ?? '');
      const hooks = [join(momPriv, 'prologue'), join(momPriv, 'epilogue'), jobStarter];
      // The settings as shipped, but for places and times of this test.
      const conf = join(priv, 'etc/spillway/torque.conf');
      const shipped = readFileSync(conf, 'utf8').replace(/^prologAlarm = .*$/m, '');
      writeFileSync(
        conf,
        `${shipped}\nstateDir = ${stateDir}\nsocket = ${join(site.folder, 'api.sock')}\n` +
          `spillway = ${join(priv, 'spillway')}\nprologAlarm = ${saidAlarmMs}ms\nttl = 60s\nretryFirst = 1s\n${settings}`,
      );
      for (const path of hooks) {
        const text = readFileSync(path, 'utf8');
        chmodSync(path, 0o700);
        writeFileSync(path, text.replace('/etc/spillway/torque.conf', conf));
        chmodSync(path, path === hooks[2] ? 0o755 : 0o500);
      }
      writeFileSync(
        join(priv, 'spillway'),
        `#!/bin/sh\nexec ${process.execPath} ${checkout}/src/main.ts "$@"\n`,
      );
      chmodSync(join(priv, 'spillway'), 0o755);
      const mom = createMom({
        folder: momPriv,
        jobStarter,
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

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listens) => {
    server.listen(0, '127.0.0.21', listens);
  });
  const address = server.address();
  await new Promise((closed) => {
    server.close(closed);
  });
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
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
  const count = addresses.length;
  return siteOfPage()
    .replace('/var/lib/spillway/site', 'FOLDER/state')
    .replace('/var/lib/spillway/rack', `${folder}/claims`)
    .replace('identity: /etc/spillway/admin', `identity: ${adminKey}, port: ${port}`)
    .replace(/hosts: \[.*\]/, `hosts: [${hosts}]`)
    .replace('max: 4', `min: ${count}, max: ${count}`);
}
