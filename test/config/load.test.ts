import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usualAccounting } from '../../src/config/accounting.ts';
import { checkSite } from '../../src/config/check.ts';
import { hostFiles, readText } from '../../src/config/files.ts';
import { loadSite } from '../../src/config/load.ts';
import { didYouMean, nearest } from '../../src/config/nearest.ts';
import { formatPath, formatProblem } from '../../src/config/problem.ts';
import type { Secret } from '../../src/config/secrets.ts';
import { usualFairness } from '../../src/model/fairness.ts';
import { loadToy, toyDeps, toyFiles, toyFilesWithAds } from './toy-site.ts';

const text = String(toyFiles['site.yaml']);

describe('a good config', () => {
  it('becomes a whole site, with every default', async () => {
    const { config, problems } = await loadToy();
    expect(problems).toEqual([]);
    expect({ ...config, offers: config?.offers.length }).toEqual({
      site: 'farm',
      mode: 'act',
      stateDir: '/var/lib/spillway',
      socket: '/run/spillway/spillway.sock',
      api: { listen: [], tokens: [], visitors: null, userSocket: null },
      queues: [
        {
          name: 'batch',
          adapter: 'lines',
          pollMs: 5000,
          deadlineMs: 30_000,
          holdUnfitAfterMs: null,
          settings: { host: 'head', port: 22, mode: 'careful' },
        },
      ],
      clouds: [
        {
          name: 'here',
          driver: 'toy',
          mode: 'act',
          pollMs: 10_000,
          deadlineMs: 30_000,
          max: 10,
          launchesInFlightMax: 4,
          callsPerMinute: 240,
          settings: { zone: 'a', login: null },
        },
      ],
      offers: 1,
      pools: [
        {
          name: 'workers',
          queue: 'batch',
          mode: 'act',
          offers: ['small'],
          min: 0,
          max: 5,
          headroom: 0,
          headroomShare: 0.01,
          launchesPerHour: null,
          spread: { kind: 'cheapest' },
          fallbackAfterMs: 0,
          limits: {
            idleMs: 600_000,
            idleMinMs: 30_000,
            idleMaxMs: 7_200_000,
            waitWeight: 1,
            idleConfirmMs: 30_000,
            bootMaxMs: 900_000,
            joinMaxMs: 900_000,
            silentMs: 900_000,
            drainMaxMs: 86_400_000,
            lifetimeMs: 1_209_600_000,
            lifetimeGraceMs: 172_800_000,
          },
          priority: 0,
          probe: null,
          userData: toyFiles['boot.sh'],
        },
      ],
      downtimes: [],
      budgets: [],
      hooks: [],
      accounting: usualAccounting,
      policy: {
        reapMs: 600_000,
        setAsideFirstMs: 60_000,
        setAsideMaxMs: 3_600_000,
        massShare: 0.5,
        alarmAfter: 3,
        drainAheadMs: 86_400_000,
        retentionMs: 2_592_000_000,
        fairness: usualFairness,
      },
    });
    expect(config?.offers[0]).toMatchObject({
      name: 'small',
      cloud: 'here',
      published: { VMType: '"small"' },
      resources: { cpus: 2, memoryMiB: 4096, diskMiB: 20_480, gpus: 0 },
      price: null,
      max: null,
      settings: { image: 'img-1' },
    });
  });

  it.each([
    ['with a byte order mark', `\uFEFF${text}`],
    ['with DOS line ends', text.replaceAll('\n', '\r\n')],
    ['with comments', text.replaceAll('\n', ' # why\n')],
    [
      'in brackets',
      '{site: farm, queues: [{name: q, adapter: lines, host: h}], clouds: [{name: c, driver: toy, zone: a}], offers: [{name: o, cloud: c, cpus: 1, memory: 1GiB, disk: 1GiB, boot: {image: i}}], pools: [{name: p, queue: q, offers: [o], max: 1}]}',
    ],
    [
      'with an alias',
      text
        .replace('{ idle: 10m }', '&limits { idle: 10m }')
        .concat('  - { name: more, queue: batch, offers: [small], max: 2, limits: *limits }\n'),
    ],
  ])('is read %s', async (_, content) => {
    const { config, problems } = await loadToy({ 'site.yaml': content });
    expect(problems.map(formatProblem)).toEqual([]);
    expect(config?.site).toBe('farm');
  });

  it('may have no maximum lifetime', async () => {
    const { config } = await loadToy({ 'site.yaml': text.replace('idle: 10m', 'lifetime: none') });
    expect(config?.pools[0]?.limits.lifetimeMs).toBeNull();
  });

  it('has its secrets read, and shows none', async () => {
    const content = text.replace('    zone: a', '    zone: a\n    login: { user: u, key: file:good.key }');
    const { config } = await loadToy({ 'site.yaml': content });
    const settings = config?.clouds[0]?.settings as { login: { key: Secret } };
    expect(settings.login.key.text()).toBe('s3cret');
    expect(JSON.stringify(config)).not.toContain('s3cret');
  });

  it('is told in figures by check', async () => {
    const report = await checkSite('site.yaml', toyDeps(toyFilesWithAds));
    expect(report).toEqual({
      problems: [],
      site: { name: 'farm', queues: 1, clouds: 1, offers: 3, pools: 1 },
    });
    const bad = await checkSite('site.yaml', toyDeps({ 'site.yaml': 'farm' }));
    expect(bad.site).toBeNull();
    expect(bad.problems).toHaveLength(1);
  });

  it('with warnings alone is a config all the same', async () => {
    const { config, problems } = await loadToy({ 'site.yaml': text.replace('max: 5', 'max: 50') });
    expect(problems.map(({ severity }) => severity)).toEqual(['warning']);
    expect(config?.pools[0]?.max).toBe(50);
  });
});

describe('whatever the files hold', () => {
  const piece = fc.constantFrom(
    '',
    ' ',
    '  ',
    '\n',
    '\t',
    ':',
    '-',
    '- ',
    '[',
    ']',
    '{',
    '}',
    '"',
    '#',
    '&a ',
    '*a',
    '!',
    'null',
    '5',
    '~',
    '=',
    '\u0000',
    '{{',
  );
  const edits = fc.array(fc.record({ at: fc.nat(), cut: fc.nat({ max: 12 }), piece }), {
    minLength: 1,
    maxLength: 4,
  });
  const edited = (base: string, list: readonly { at: number; cut: number; piece: string }[]) =>
    list.reduce((all, { at, cut, piece: more }) => {
      const from = at % (all.length + 1);
      return all.slice(0, from) + more + all.slice(from + cut);
    }, base);

  it('the loader says what is wrong with its place, and never throws', async () => {
    const file = fc.constantFrom('site.yaml', 'offers.ads', 'boot.sh');
    await fc.assert(
      fc.asyncProperty(file, edits, async (name, list) => {
        const content = edited(String(toyFilesWithAds[name]), list);
        const { config, problems } = await loadToy({ ...toyFilesWithAds, [name]: content });
        expect(config === null).toBe(problems.some(({ severity }) => severity === 'error'));
        for (const { line, column } of problems) expect(line > 0 === column > 0).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

describe('files of this host', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'spillway-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are read beside the config, with their modes', async () => {
    writeFileSync(
      join(folder, 'site.yaml'),
      text.replace('host: head', 'host: head\n    password: file:key'),
    );
    writeFileSync(join(folder, 'boot.sh'), 'join {{token}}\n');
    writeFileSync(join(folder, 'key'), 's3cret');
    chmodSync(join(folder, 'key'), 0o640);
    const deps = { ...toyDeps({}), files: hostFiles };
    const { config, problems } = await loadSite(join(folder, 'site.yaml'), deps);
    expect(problems.map(({ message }) => message)).toEqual([
      'the secret file key is open to its group (mode 0640); chmod 600 it',
    ]);
    expect(config?.pools[0]?.userData).toBe('join {{token}}\n');
  });

  it('that cannot be read are said to be so', async () => {
    writeFileSync(join(folder, 'large'), 'x'.repeat(11));
    writeFileSync(join(folder, 'latin'), Buffer.from([0xe9]));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const read = (name: string) => readText(hostFiles, join(folder, name), 10);
    expect(await read('none')).toEqual({ wrong: 'does not exist' });
    expect(await read('.')).toEqual({ wrong: 'is a directory' });
    expect(await read('large')).toEqual({ wrong: 'is larger than 10 bytes' });
    expect(await read('latin')).toEqual({ wrong: 'is not UTF-8 text' });
    expect(await read('pipe')).toEqual({ wrong: 'is not a regular file' });
  });
});

describe('the nearest name', () => {
  it.each([
    ['idel', 'idle'],
    ['max-launches', 'maxLaunches'],
    ['maximum', 'max'],
    ['hedroom', 'headroom'],
    ['colour', null],
    ['x', null],
  ])('to %s is %s', (name, near) => {
    expect(nearest(name, ['min', 'max', 'idle', 'headroom', 'maxLaunches', 'm'])).toBe(near);
  });

  it('is no hint where it is the name itself', () => {
    expect(didYouMean('max', ['max'])).toBe('');
  });
});

describe('a path', () => {
  it('is written as in JavaScript', () => {
    expect(formatPath(['pools', 0, 'limits', 'idle'])).toBe('pools[0].limits.idle');
    expect(formatPath(['offers', 12, 'attributes', 'a b'])).toBe('offers[12].attributes["a b"]');
    expect(formatPath([])).toBe('');
  });
});
