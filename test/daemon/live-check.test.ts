import { describe, expect, it } from 'vitest';
import type { CheckedOffer } from '../../src/clouds/port.ts';
import { type LiveSource, lookAt } from '../../src/daemon/liveCheck.ts';
import type { Check, CheckFinding, CheckSubject } from '../../src/model/check.ts';
import { clockFindings, quotaFindings } from '../../src/model/checkFindings.ts';
import { CloudError } from '../../src/model/errors.ts';
import { OfferName } from '../../src/model/ids.ts';
import { createVirtualClock } from '../../src/simulate/virtualClock.ts';

const deadlineMs = 30_000;
const never = new AbortController().signal;

const finds =
  (...found: readonly CheckFinding[]) =>
  async () =>
    found;

function source(name: string, ...checks: readonly (readonly [CheckSubject, Check['run']])[]): LiveSource {
  const all = checks.map(([subject, run]) => ({ subject, run }));
  return { kind: 'cloud', name, part: 'toy', deadlineMs, checks: all };
}

const ok: CheckFinding = { verdict: 'ok', message: 'well' };

async function lookedAt(...sources: readonly LiveSource[]) {
  const clock = createVirtualClock();
  const looking = lookAt(sources, { clock, signal: never });
  await clock.advance(deadlineMs);
  return looking;
}

describe('looking at clouds and queues', () => {
  it('asks one thing after another, and keeps the order of the sources', async () => {
    const order: string[] = [];
    const note = (name: string) => async () => {
      order.push(name);
      return [ok];
    };
    const results = await lookedAt(
      source('a', ['login', note('a login')], ['quota', note('a quota')]),
      source('b', ['login', note('b login')]),
    );
    expect(results.map(({ name, findings }) => [name, findings.map(({ subject }) => subject)])).toEqual([
      ['a', ['login', 'quota']],
      ['b', ['login']],
    ]);
    expect(order.filter((one) => one.startsWith('a'))).toEqual(['a login', 'a quota']);
  });

  it('goes no further without a log-in than to the clock, and says what was not looked at', async () => {
    const refused = () => Promise.reject(new CloudError('auth', 'log in: no'));
    const [result] = await lookedAt(
      source('a', ['login', refused], ['quota', finds(ok)], ['clock', finds(ok)], ['images', finds(ok)]),
    );
    expect(result?.findings).toMatchObject([
      { subject: 'login', verdict: 'error', message: 'auth: log in: no' },
      { subject: 'clock', verdict: 'ok' },
      { subject: 'quota', verdict: 'unknown' },
      { subject: 'images', verdict: 'unknown' },
    ]);
  });

  it('goes on after a check that fails', async () => {
    const broken = () => Promise.reject(new Error('line one\nline two'));
    const [result] = await lookedAt(
      source('a', ['login', finds(ok)], ['quota', broken], ['images', finds(ok)]),
    );
    expect(result?.findings).toMatchObject([
      { verdict: 'ok' },
      { subject: 'quota', verdict: 'error', message: 'line one line two' },
      { subject: 'images', verdict: 'ok' },
    ]);
  });

  it('waits for no answer longer than the deadline', async () => {
    const silent = () => new Promise<never>(() => {});
    const results = await lookedAt(source('a', ['login', silent]), source('b', ['login', finds(ok)]));
    expect(results.flatMap(({ findings }) => findings)).toMatchObject([
      { verdict: 'error', message: 'no answer within 30000 ms' },
      { verdict: 'ok' },
    ]);
  });

  it('does not call it an error that a cloud cannot do something', async () => {
    const cannot = () => Promise.reject(new CloudError('unsupported', 'no such thing here'));
    const [result] = await lookedAt(source('a', ['prices', cannot]));
    expect(result?.findings).toMatchObject([{ verdict: 'unknown' }]);
  });

  it('shows what is wrong where there is more than anybody reads', async () => {
    const many = Array.from({ length: 500 }, (): CheckFinding => ok);
    const bad: CheckFinding = { verdict: 'error', message: 'bad' };
    const [result] = await lookedAt(source('a', ['images', finds(...many, bad)]));
    expect(result?.findings).toHaveLength(201);
    expect(result?.findings[0]).toMatchObject({ verdict: 'error' });
    expect(result?.findings.at(-1)).toMatchObject({ message: '301 more findings are not shown' });
  });
});

describe('clocks', () => {
  const verdictAt = (skewMs: number, toleranceMs: number | null = 300_000) =>
    clockFindings({ theirsMs: 1e12 + skewMs, oursMs: 1e12 }, { toleranceMs, why: 'no' })[0]?.verdict;

  it('may differ by what a header cannot tell', () => expect(verdictAt(1900)).toBe('ok'));
  it('are warned of at half of what is taken', () => expect(verdictAt(-150_000)).toBe('warning'));
  it('are an error beyond it', () => expect(verdictAt(300_000)).toBe('error'));
  it('are at most a warning where nothing goes by them', () => expect(verdictAt(1e9, null)).toBe('warning'));
  it('are unknown where no answer tells the time', () =>
    expect(clockFindings(null, { toleranceMs: null, why: '' })).toMatchObject([{ verdict: 'unknown' }]));
});

describe('a quota', () => {
  const resources = { cpus: 4, memoryMiB: 8192, diskMiB: 1, gpus: 0 };
  const offer: CheckedOffer = { name: OfferName('o'), market: 'onDemand', resources, settings: {} };
  const request = { offers: [offer], machinesMax: 20 };
  const verdicts = (left: Parameters<typeof quotaFindings>[0], living: number | null) =>
    quotaFindings(left, living, request).map(({ verdict }) => verdict);
  const none = { instances: null, cpus: null, memoryMiB: null };

  it('may be silent, or have no limit', () => {
    expect(verdicts(null, 0)).toEqual(['unknown']);
    expect(verdicts(none, 0)).toEqual(['ok']);
  });

  it('that leaves no room for a first machine is an error; for one more, a warning', () => {
    expect(verdicts({ ...none, cpus: 3 }, 0)).toEqual(['ok', 'error']);
    expect(verdicts({ ...none, cpus: 3 }, 5)).toEqual(['ok', 'warning']);
    expect(verdicts({ ...none, memoryMiB: 8191 }, null)).toEqual(['ok', 'warning']);
  });

  it('that is smaller than what the config would have is a warning', () => {
    expect(verdicts({ ...none, instances: 12 }, 7)).toEqual(['ok', 'warning']);
    expect(verdicts({ ...none, instances: 13 }, 7)).toEqual(['ok']);
    expect(verdicts({ ...none, instances: 12 }, null)).toEqual(['ok']);
  });
});
