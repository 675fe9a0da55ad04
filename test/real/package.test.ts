import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceList, StatusView } from '../../src/api/control.ts';
import { type DebianMachine, startDebianMachine, suites } from '../support/debianMachine.ts';
import { until } from '../support/runningSite.ts';

/** The Debian package as a site gets it: installed in a clean system that systemd has booted, and run by its unit. */

const checkout = resolve(import.meta.dirname, '../..');
const { version }: { version: string } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
const packages = mkdtempSync(join(tmpdir(), 'spillway-packages-'));
let deb = '';

beforeAll(() => {
  deb = execFileSync(join(checkout, 'scripts/package-deb'), [packages], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
});
afterAll(() => rmSync(packages, { recursive: true, force: true }));

describe('the Debian package', () => {
  it('has the version of package.json, and what it needs', () => {
    const field = (name: string) =>
      execFileSync('dpkg-deb', ['--field', deb, name], { encoding: 'utf8' }).trim();
    expect(field('Version')).toBe(version.replace('-', '~'));
    expect(field('Depends')).toMatch(/^libc6 \(>= 2\.34\), libstdc\+\+6/);
  });

  // EL 9 has these versions, and Debian 12 and Ubuntu 22.04 have later ones.
  it('has no program that needs a later C library than glibc 2.34 and the libstdc++ of GCC 11', () => {
    const folder = mkdtempSync(join(packages, 'unpacked-'));
    execFileSync('dpkg-deb', ['--extract', deb, folder]);
    const lib = join(folder, 'usr/lib/spillway');
    const programs = execFileSync('find', [lib, '-name', '*.node', '-o', '-path', '*/bin/node'], {
      encoding: 'utf8',
    });
    const symbols = execFileSync('grep', ['-aohE', 'GLIBC(XX)?_[0-9.]+', ...programs.trim().split('\n')], {
      encoding: 'utf8',
    });
    const needed = new Set(symbols.trim().split('\n'));
    const minor = (prefix: string) =>
      Math.max(
        ...[...needed]
          .filter((name) => name.startsWith(prefix))
          .map((name) => Number(name.slice(prefix.length).split('.')[0])),
      );
    expect(programs.trim().split('\n')).toHaveLength(2);
    expect(minor('GLIBC_2.')).toBeLessThanOrEqual(34);
    expect(minor('GLIBCXX_3.4.')).toBeLessThanOrEqual(29);
  });
});

describe.each(suites)('installed on a clean Debian %s', (suite) => {
  let machine: DebianMachine | null = null;
  const m = () => {
    if (machine === null) throw new Error('no machine');
    return machine;
  };
  const show = (property: string) =>
    m().ok(['systemctl', 'show', '--property', property, '--value', 'spillway']);
  const ask = (...args: readonly string[]): unknown => JSON.parse(m().ok(['spillway', ...args, '--json']));
  const instances = () => (ask('instance', 'list') as InstanceList).instances.map(({ id }) => id);
  const install = () => m().ok(['dpkg', '--install', `/packages/${basename(deb)}`]);

  beforeAll(async () => {
    machine = await startDebianMachine(suite, dirname(deb));
  }, 400_000);
  afterAll(async () => {
    await machine?.stop();
  });

  it('installs, makes its user, and starts nothing', (test) => {
    if (machine === null) test.skip('no Debian machine');
    install();
    expect(m().ok(['spillway', '--version'])).toBe(version);
    expect(m().ok(['getent', 'passwd', 'spillway'])).toMatch(/:\/var\/lib\/spillway:\/usr\/sbin\/nologin$/);
    expect(m().ok(['stat', '--format', '%U %G %a', '/etc/spillway', '/var/lib/spillway'])).toBe(
      'root spillway 750\nspillway spillway 700',
    );
    expect(m().run(['systemctl', 'is-enabled', 'spillway']).stdout.trim()).toBe('disabled');
    // Without a configuration there is nothing to start, and that is no failure.
    m().ok(['systemctl', 'start', 'spillway']);
    expect([show('ActiveState'), show('ConditionResult')]).toEqual(['inactive', 'no']);
  });

  it('has a unit that systemd finds nothing wrong with, and that may do little', (test) => {
    if (machine === null) test.skip('no Debian machine');
    const unit = '/usr/lib/systemd/system/spillway.service';
    const verified = m().run(['systemd-analyze', 'verify', '--man=no', unit]);
    expect(verified).toEqual({ code: 0, stdout: '', stderr: '' });
    const exposure = m().ok(['systemd-analyze', 'security', '--no-pager', 'spillway.service']);
    expect(Number(/exposure level for spillway\.service: ([\d.]+)/.exec(exposure)?.[1])).toBeLessThanOrEqual(
      2.5,
    );
  });

  it('runs the site for trying out, as its user, once it says so itself', (test) => {
    if (machine === null) test.skip('no Debian machine');
    m().ok(['cp', '/usr/share/doc/spillway/examples/lease-local.yaml', '/etc/spillway/site.yaml']);
    m().ok(['chown', 'root:spillway', '/etc/spillway/site.yaml']);
    m().ok(['spillway', 'check', '/etc/spillway/site.yaml']);
    m().ok(['systemctl', 'enable', '--now', 'spillway']);
    expect([show('ActiveState'), show('Result'), show('User')]).toEqual(['active', 'success', 'spillway']);
    const status = m().ok(['cat', `/proc/${show('MainPID')}/status`]);
    expect(status).toMatch(/CapBnd:\s+0+\n/);
    expect(status).toMatch(/NoNewPrivs:\s+1\n/);
    expect(status).toMatch(/Seccomp:\s+2\n/);
    expect(m().ok(['stat', '--format', '%U %G %a', '/run/spillway/spillway.sock'])).toBe(
      'spillway spillway 660',
    );
    expect((ask('status') as StatusView).mode).toBe('running');
    // The first machine boots and is lent; the second command has it again.
    expect(
      m().ok(['spillway', 'lease', '--pool', 'desks', '--', 'sh', '-c', 'echo $SPILLWAY_LEASE']),
    ).not.toBe('');
    const before = instances();
    expect(before).toHaveLength(1);
    m().ok(['spillway', 'lease', '--pool', 'desks', '--', 'true']);
    expect(instances()).toEqual(before);
  });

  it('ends no machine when it is restarted, and knows it again', (test) => {
    if (machine === null) test.skip('no Debian machine');
    const before = instances();
    m().ok(['systemctl', 'restart', 'spillway']);
    m().ok(['spillway', 'lease', '--pool', 'desks', '--', 'true']);
    expect(instances()).toEqual(before);
  });

  it('is begun anew by the watchdog when its loop stands still', async (test) => {
    if (machine === null) test.skip('no Debian machine');
    const before = instances();
    const dropIn = '[Service]\nWatchdogSec=4s\nTimeoutAbortSec=1s\nRestartSec=1s\n';
    m().ok(['mkdir', '-p', '/run/systemd/system/spillway.service.d']);
    m().ok(['tee', '/run/systemd/system/spillway.service.d/quick.conf'], dropIn);
    m().ok(['systemctl', 'daemon-reload']);
    m().ok(['systemctl', 'restart', 'spillway']);
    const first = show('MainPID');
    // It has been fed for longer than the watchdog waits.
    const sinceUsec = Number(show('ActiveEnterTimestampMonotonic'));
    await until('10 s have passed', () => uptimeUsec(m()) - sinceUsec > 10_000_000);
    expect([show('NRestarts'), show('MainPID')]).toEqual(['0', first]);
    m().ok(['kill', '-STOP', first]);
    await until(
      'systemd has begun it anew',
      () => show('NRestarts') === '1' && show('ActiveState') === 'active',
    );
    expect(show('MainPID')).not.toBe(first);
    expect(m().ok(['journalctl', '--no-pager', '--unit', 'spillway'])).toMatch(/[Ww]atchdog timeout/);
    expect(instances()).toEqual(before);
    m().ok(['rm', '-r', '/run/systemd/system/spillway.service.d']);
    m().ok(['systemctl', 'daemon-reload']);
  });

  it('reads its configuration anew, and says why where that is refused', (test) => {
    if (machine === null) test.skip('no Debian machine');
    const [before, first] = [instances(), show('MainPID')];
    const poolMax = () => (ask('status') as StatusView).pools[0]?.max;
    const site = m().ok(['cat', '/etc/spillway/site.yaml']);
    const withPoolMax = (max: string) => site.replace(/max: 4\n( {4}limits:)/, `max: ${max}\n$1`);
    const write = (text: string) => m().ok(['tee', '/etc/spillway/site.yaml'], `${text}\n`);
    write(withPoolMax('3'));
    m().ok(['systemctl', 'reload', 'spillway']);
    expect(poolMax()).toBe(3);
    write(withPoolMax('many'));
    expect(m().run(['systemctl', 'reload', 'spillway']).code).not.toBe(0);
    expect(m().ok(['journalctl', '--no-pager', '--unit', 'spillway'])).toMatch(/site\.yaml:\d+:\d+/);
    write(site);
    m().ok(['systemctl', 'kill', '--kill-whom=main', '--signal=HUP', 'spillway']);
    m().ok(['spillway', 'lease', '--pool', 'desks', '--', 'true']);
    expect(poolMax()).toBe(4);
    expect([show('ActiveState'), show('MainPID'), instances()]).toEqual(['active', first, before]);
  });

  it('is upgraded while it runs, and keeps its machines', (test) => {
    if (machine === null) test.skip('no Debian machine');
    const [before, first] = [instances(), show('MainPID')];
    m().ok(['spillway', 'store', 'backup', '/etc/spillway/site.yaml', '/var/lib/spillway/before-upgrade.db']);
    m().ok(['chown', 'spillway:', '/var/lib/spillway/before-upgrade.db']);
    install();
    expect(show('ActiveState')).toBe('active');
    expect(show('MainPID')).not.toBe(first);
    expect(instances()).toEqual(before);
  });

  it('refuses the store of a later version, and goes on with the copy of before', (test) => {
    if (machine === null) test.skip('no Debian machine');
    const before = instances();
    m().ok(['systemctl', 'stop', 'spillway']);
    // As a later version would have left it.
    const later =
      "new (require('better-sqlite3'))('/var/lib/spillway/spillway.db').pragma('user_version = 99')";
    const node = ['/usr/lib/spillway/bin/node', '--eval', later] as const;
    m().ok(['runuser', '--user', 'spillway', '--', 'env', '--chdir=/usr/lib/spillway', ...node]);
    expect(m().run(['systemctl', 'start', 'spillway']).code).not.toBe(0);
    expect(m().ok(['journalctl', '--no-pager', '--unit', 'spillway'])).toContain('its schema is version 99');
    m().ok(['systemctl', 'stop', 'spillway']);
    const restore = ['spillway', 'store', 'restore', '/etc/spillway/site.yaml'] as const;
    m().ok(['runuser', '--user', 'spillway', '--', ...restore, '/var/lib/spillway/before-upgrade.db']);
    m().ok(['systemctl', 'start', 'spillway']);
    m().ok(['spillway', 'lease', '--pool', 'desks', '--', 'true']);
    expect(instances()).toEqual(before);
  });

  it('does not try a wrong configuration again and again, and says what is wrong', (test) => {
    if (machine === null) test.skip('no Debian machine');
    m().ok(['sed', '--in-place', 's/^site: .*/site: [/', '/etc/spillway/site.yaml']);
    expect(m().run(['systemctl', 'restart', 'spillway']).code).not.toBe(0);
    expect([show('ActiveState'), show('ExecMainStatus'), show('NRestarts')]).toEqual(['failed', '3', '0']);
    expect(m().ok(['journalctl', '--no-pager', '--unit', 'spillway'])).toContain('/etc/spillway/site.yaml:');
  });

  it('is removed, and leaves what knows which machines run', (test) => {
    if (machine === null) test.skip('no Debian machine');
    m().ok(['dpkg', '--purge', 'spillway']);
    expect(m().run(['systemctl', 'cat', 'spillway']).code).not.toBe(0);
    m().ok(['test', '-e', '/var/lib/spillway/spillway.db']);
    m().ok(['test', '-e', '/etc/spillway/site.yaml']);
  });
});

function uptimeUsec(machine: DebianMachine): number {
  return Number(machine.ok(['cat', '/proc/uptime']).split(' ')[0]) * 1_000_000;
}
