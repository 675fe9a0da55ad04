import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseTorqueSettings } from '../../../src/cli/torque/settings.ts';

function faultsOf(text: string): readonly string[] {
  const parsed = parseTorqueSettings(text);
  return parsed.kind === 'faults' ? parsed.faults.map(({ line, message }) => `${line}: ${message}`) : [];
}

describe('settings of the Torque hooks', () => {
  it('as shipped are good', () => {
    const text = readFileSync(new URL('../../../config/torque/torque.conf', import.meta.url), 'utf8');
    expect(parseTorqueSettings(text)).toMatchObject({
      kind: 'settings',
      settings: {
        pool: 'vmpool',
        prologAlarmMs: 900_000,
        stateDir: '/var/lib/spillway/torque',
        ttlMs: 300_000,
        retryMsFirst: 5_000,
        retryMsMax: 300_000,
      },
    });
  });

  it('as shipped, with every setting that is commented out: the values there are the defaults, or good', () => {
    const text = readFileSync(new URL('../../../config/torque/torque.conf', import.meta.url), 'utf8');
    const all = text.replaceAll(/^#(?=\S)(?!socket)/gm, '');
    expect(parseTorqueSettings(all)).toMatchObject({
      kind: 'settings',
      settings: { ttlMs: 300_000, retryMsFirst: 5_000, retryMsMax: 300_000, node: 'wn1' },
    });
  });

  it('knows pools of queues and what features ask for', () => {
    const parsed = parseTorqueSettings('pool = a\npool.long = b\nfeature.gpu = TARGET.GPUs > 0\n');
    expect(parsed.kind === 'settings' && [...parsed.settings.poolOfQueue]).toEqual([['long', 'b']]);
    expect(parsed.kind === 'settings' && [...parsed.settings.requirementsOfFeature]).toEqual([
      ['gpu', 'TARGET.GPUs > 0'],
    ]);
  });

  it.each([
    ['', '1: "pool" is missing'],
    ['pool = a\npool = b', '2: "pool" is set twice'],
    ['pool = a\nprologalarm = 5m', '2: there is no setting "prologalarm"'],
    ['pool = a\nprologAlarm = 300', '2: "prologAlarm": 300 has no unit; say ms, s, m, h or d, as in 10m'],
    ['pool = a\nttl = 1s', '2: "ttl": is at least 10s'],
    ['pool = a\nstateDir = here', '2: "stateDir" is an absolute path'],
    ['pool = a\nsocket = /s\nurl = https://h', '3: "socket" or "url", not both'],
    ['pool = a\nnode', '2: expected NAME = VALUE'],
    ['pool = a\nnode =', '2: "node" has no value'],
    ['pool = a\nnode.x = 1', '2: there is no setting "node.x"'],
  ])('%j: %s', (text, fault) => {
    expect(faultsOf(text)).toEqual([fault]);
  });

  it('on its page: every setting that there is, and no other', () => {
    const page = readFileSync(new URL('../../../docs/queues/torque.md', import.meta.url), 'utf8');
    const [, table = ''] = page.split('## Fields of torque.conf');
    const rows = [...table.matchAll(/^\| (`.*?) \|/gm)].map(([, cell = '']) => cell);
    const documented = rows.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
    const shipped = readFileSync(new URL('../../../config/torque/torque.conf', import.meta.url), 'utf8');
    const known = [...shipped.matchAll(/^#?([A-Za-z]+(?:\.\w+)?) = /gm)].map(([, name = '']) =>
      name.replace('.long', '.QUEUE').replace('.large', '.NAME'),
    );
    expect(documented.toSorted()).toEqual(known.toSorted());
  });
});
