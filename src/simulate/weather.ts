import type { CloudInstance } from '../model/cloud.ts';
import type { QueueSnapshot } from '../model/demand.ts';
import { CloudError } from '../model/errors.ts';
import { createDice, type Dice } from './dice.ts';
import type { CloudFault, FaultKind, FaultProfile, QueueFault } from './faultProfile.ts';
import type { Delay, Fault } from './faults.ts';
import { type FaultWindow, isCloudFault, isQueueFault } from './faultWindows.ts';
import {
  type CloudCall,
  cloudAnswerLost,
  cloudRefuses,
  cloudRequestLost,
  type Fate,
  type Machine,
  type SimulatedCloud,
} from './simulatedCloud.ts';
import { type QueueCall, queueFails, type SimulatedQueue } from './simulatedQueue.ts';
import type { SimulatedSite } from './simulatedSite.ts';

/** The faults of a site as they come and go. */
export interface Weather {
  /** Kinds whose window is open now. */
  inForce(): readonly FaultKind[];
  /** Since when nothing has been wrong with that cloud, or that queue; `Infinity` while something is. */
  cloudClearSinceMs(target: number): number;
  queueClearSinceMs(target: number): number;
  /** Ends every fault for good, windows to come included: machines boot and join from now on. */
  clear(): void;
}

type Where = { readonly windows: readonly FaultWindow[]; readonly clock: SimulatedSite['clock'] };

/** Sets the site's levers as the profile and its windows say, from now until `clear`. */
export function createWeather(
  site: SimulatedSite,
  { profile, windows: all }: { profile: FaultProfile; windows: readonly FaultWindow[] },
): Weather {
  const { clock } = site;
  const windows = all.filter((window) => !isUntrue(window) || !isMuffled(window, all));
  let isOver = false;
  let clearedAtMs = 0;
  const open = () => (isOver ? [] : windows.filter((window) => isOpen(window, clock.monotonicNow())));

  [...site.clouds.values()].forEach((cloud, target) => {
    const own = windows.filter((window) => isCloudFault(window.kind) && window.target === target);
    blowOnCloud(cloud, { profile, target, where: { windows: own, clock }, isOver: () => isOver });
  });
  [...site.queues.values()].forEach((queue, target) => {
    const own = windows.filter((window) => isQueueFault(window.kind) && window.target === target);
    blowOnQueue(queue, { profile, target, where: { windows: own, clock }, isOver: () => isOver });
  });
  for (const { kind, fromMs, seed } of windows) {
    if (kind !== 'clockForward' && kind !== 'clockBack') continue;
    const byMs = ((seed % 7200) + 60) * 1000;
    clock.at(fromMs, () => {
      if (!isOver) clock.stepWall(kind === 'clockForward' ? byMs : -byMs);
    });
  }

  function clearSince(isOwn: (window: FaultWindow) => boolean): number {
    if (isOver) return clearedAtMs;
    const nowMs = clock.monotonicNow();
    let since = 0;
    for (const window of windows) {
      if (window.fromMs > nowMs || !isOwn(window)) continue;
      if (window.toMs > nowMs) return Number.POSITIVE_INFINITY;
      since = Math.max(since, window.toMs);
    }
    return since;
  }

  return {
    inForce: () => [...new Set(open().map(({ kind }) => kind))],
    cloudClearSinceMs: (target) =>
      clearSince((window) => isCloudFault(window.kind) && window.target === target),
    queueClearSinceMs: (target) =>
      clearSince((window) => isQueueFault(window.kind) && window.target === target),
    clear: () => {
      isOver = true;
      clearedAtMs = clock.monotonicNow();
    },
  };
}

const isOpen = ({ fromMs, toMs }: FaultWindow, nowMs: number): boolean => fromMs <= nowMs && nowMs < toMs;

interface Gust {
  readonly profile: FaultProfile;
  readonly target: number;
  readonly where: Where;
  readonly isOver: () => boolean;
}

function blowOnCloud(cloud: SimulatedCloud, { profile, target, where, isOver }: Gust): void {
  const { windows, clock } = where;
  const dice = createDice(profile.seed, `cloud ${target}`);
  const raging = (kind: CloudFault): FaultWindow | undefined => {
    if (isOver()) return undefined;
    const nowMs = clock.monotonicNow();
    return windows.find((window) => window.kind === kind && isOpen(window, nowMs));
  };
  const { levers } = cloud;
  levers.fate = (machine) => fateOf(machine, { profile, dice, isOver: isOver(), raging });
  levers.fault = (call) => cloudFaultOf(call, { raging, dice });
  levers.delay = () => (raging('slow') === undefined ? quick : slowness(dice));
  // Which offers there is no room for differs from window to window.
  levers.capacity = (offer) => {
    const window = raging('capacity');
    return window !== undefined && mix(offer, window.seed) % 3 !== 0 ? 0 : null;
  };
  levers.lie = (rows) => lieOfCloud(rows, { raging, stale });
  const stale = new Map<FaultWindow, readonly CloudInstance[]>();

  const setLevels = () => {
    const nowMs = clock.monotonicNow();
    const has = (kind: CloudFault) =>
      !isOver() && windows.find((window) => window.kind === kind && isOpen(window, nowMs));
    levers.lagMs = has('listLag') ? worstLagMs : isOver() ? 0 : profile.listLagMs;
    const quota = has('quota');
    levers.quota = quota ? quota.seed % 3 : null;
  };
  setLevels();
  for (const { kind, fromMs, toMs } of windows) {
    if (kind !== 'listLag' && kind !== 'quota') continue;
    clock.at(fromMs, setLevels);
    clock.at(toMs, setLevels);
  }
  for (const window of windows) if (window.kind === 'spotLoss') loseMachines(cloud, window);

  function loseMachines(from: SimulatedCloud, { fromMs, toMs, seed }: FaultWindow): void {
    if (profile.lossesPerHour <= 0) return;
    const own = createDice(seed, 'losses');
    const gap = () => Math.ceil((-Math.log(1 - own.next()) * 3_600_000) / profile.lossesPerHour);
    for (let atMs = fromMs + gap(); atMs < toMs; atMs += gap())
      clock.at(atMs, () => {
        const running = from
          .alive()
          .filter(({ runningAtMs, terminatedAtMs }) => runningAtMs !== null && terminatedAtMs === null);
        const lost = running[own.whole(0, Math.max(0, running.length - 1))];
        if (lost !== undefined && !isOver()) from.vanish(lost);
      });
  }
}

/** Within every driver's `listLagMs` here, a slow request included. */
const worstLagMs = 7000;
const quick: Delay = { requestMs: 50, answerMs: 50 };

function slowness(dice: Dice): Delay {
  return { requestMs: dice.whole(50, 2000), answerMs: Math.floor(Math.min(60_000, dice.around(8000, 1))) };
}

function fateOf(
  { offer }: Machine,
  {
    profile,
    dice,
    isOver,
    raging,
  }: {
    profile: FaultProfile;
    dice: Dice;
    isOver: boolean;
    raging: (kind: CloudFault) => FaultWindow | undefined;
  },
): Fate {
  const bootMs = Math.floor(
    Math.min(profile.boot.mostMs, dice.around(profile.boot.medianMs, profile.boot.sigma)),
  );
  const joinMs = Math.floor(
    Math.min(profile.join.mostMs, dice.around(profile.join.medianMs, profile.join.sigma)),
  );
  const luck = dice.next();
  if (isOver) return { bootMs, joinMs };
  const bad = raging('bootFails');
  const badImage = raging('neverJoins');
  const spoils = (window: FaultWindow | undefined) =>
    window !== undefined && mix(offer, window.seed) % 3 !== 0;
  if (spoils(bad) || luck < profile.bootFailsShare)
    return luck * 2 < profile.bootFailsShare
      ? { bootMs: null, joinMs: null }
      : { bootMs, joinMs, failsToBoot: true };
  const joins = !spoils(badImage) && luck >= profile.bootFailsShare + profile.neverJoinsShare;
  return { bootMs, joinMs: joins ? joinMs : null };
}

function cloudFaultOf(
  call: CloudCall,
  { raging, dice }: { raging: (kind: CloudFault) => FaultWindow | undefined; dice: Dice },
): Fault | null {
  const dead = raging('dead');
  if (dead !== undefined) return dead.seed % 2 === 0 ? { kind: 'hang' } : cloudRefuses('unavailable');
  const limited = raging('rateLimited');
  if (limited !== undefined && (call === 'launch' || dice.chance(0.5)))
    return {
      kind: 'refuse',
      error: new CloudError('rateLimited', 'simulated: rateLimited', {
        retryAfterMs: retryAfterMs(limited),
      }),
    };
  if (call !== 'launch' && call !== 'terminate') return null;
  if (raging('answerLost') !== undefined) return dice.chance(0.5) ? cloudAnswerLost() : { kind: 'mute' };
  if (raging('requestLost') !== undefined) return dice.chance(0.5) ? cloudRequestLost() : { kind: 'hang' };
  return null;
}

/** What a cloud that limits calls asks for. */
const retryAfterMs = ({ seed }: FaultWindow): number => 30_000 + (seed % 60) * 1000;

function lieOfCloud(
  rows: readonly CloudInstance[],
  {
    raging,
    stale,
  }: {
    raging: (kind: CloudFault) => FaultWindow | undefined;
    stale: Map<FaultWindow, readonly CloudInstance[]>;
  },
): readonly CloudInstance[] {
  if (raging('emptyList') !== undefined) return [];
  const old = raging('staleList');
  if (old !== undefined) {
    const first = stale.get(old) ?? rows;
    stale.set(old, first);
    return first;
  }
  const partial = raging('partialList');
  if (partial !== undefined) return rows.filter(({ cloudId }) => mix(cloudId, partial.seed) % 2 === 0);
  return raging('duplicates') === undefined ? rows : [...rows, ...rows];
}

/** A whole number that depends on both and on nothing else. */
function mix(text: string, seed: number): number {
  let value = seed | 0;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}

function blowOnQueue(queue: SimulatedQueue, { profile, target, where, isOver }: Gust): void {
  const { windows, clock } = where;
  const dice = createDice(profile.seed, `queue ${target}`);
  const raging = (kind: QueueFault): FaultWindow | undefined => {
    if (isOver()) return undefined;
    const nowMs = clock.monotonicNow();
    return windows.find((window) => window.kind === kind && isOpen(window, nowMs));
  };
  const { levers } = queue;
  levers.fault = (call) => queueFaultOf(call, { raging, dice });
  levers.delay = (call) =>
    call === 'poll' && raging('queueSlow') !== undefined
      ? { requestMs: 100, answerMs: Math.floor(Math.min(60_000, dice.around(9000, 1))) }
      : { requestMs: 100, answerMs: 100 };
  // An untrue view that says it is complete cannot be told from the truth for ever: none comes after another.
  let truth: QueueSnapshot | null = null;
  levers.lie = (view) => {
    const told = lieOfQueue(view, { raging, truth, nowMs: clock.monotonicNow() });
    truth = told === view ? view : null;
    return told;
  };
  const setLevels = () => {
    const nowMs = clock.monotonicNow();
    const lags = !isOver() && windows.some((window) => window.kind === 'laggingAds' && isOpen(window, nowMs));
    levers.jobLagMs = lags ? 8000 : 1000;
    levers.lingerMs = lags ? 90_000 : 20_000;
  };
  setLevels();
  for (const { kind, fromMs, toMs } of windows) {
    if (kind !== 'laggingAds') continue;
    clock.at(fromMs, setLevels);
    clock.at(toMs, setLevels);
  }
}

const isUntrue = ({ kind }: FaultWindow): boolean => kind === 'emptyView' || kind === 'staleView';

/** The truth between the lies must come through, or they are one long lie. */
function isMuffled(window: FaultWindow, all: readonly FaultWindow[]): boolean {
  return all.some(
    (other) =>
      other !== window &&
      other.target === window.target &&
      (other.kind === 'queueSilent' || other.kind === 'queueSlow' || isUntrue(other)) &&
      other.fromMs < window.toMs &&
      window.fromMs < other.toMs,
  );
}

function queueFaultOf(
  call: QueueCall,
  { raging, dice }: { raging: (kind: QueueFault) => FaultWindow | undefined; dice: Dice },
): Fault | null {
  if (call === 'poll') {
    const silent = raging('queueSilent');
    if (silent === undefined) return null;
    return silent.seed % 2 === 0
      ? { kind: 'hang' }
      : queueFails(dice.oneOf(['unavailable', 'malformed', 'timeout']));
  }
  if (raging('commandsFail') === undefined || call === 'job') return null;
  if (call === 'admit') return dice.chance(0.3) ? queueFails('unavailable') : null;
  return dice.oneOf<Fault>([{ kind: 'hang' }, { kind: 'mute' }, queueFails('unavailable')]);
}

function lieOfQueue(
  view: QueueSnapshot,
  {
    raging,
    truth,
    nowMs,
  }: {
    raging: (kind: QueueFault) => FaultWindow | undefined;
    /** What it said last; null where that was untrue. */
    truth: QueueSnapshot | null;
    nowMs: number;
  },
): QueueSnapshot {
  const untrue = raging('emptyView') ?? raging('staleView');
  if (untrue !== undefined && truth !== null)
    return untrue.kind === 'staleView'
      ? { ...truth, takenAtMs: view.takenAtMs }
      : { ...view, demand: [], workers: [], jobs: { waiting: 0, running: 0, held: 0 } };
  const restart = raging('queueRestart');
  if (restart !== undefined) {
    // Workers come back one by one, as each next speaks.
    const share = (100 * (nowMs - restart.fromMs)) / (restart.toMs - restart.fromMs);
    const back = view.workers.filter(({ id }) => mix(id, restart.seed) % 100 < share);
    return { ...view, workers: back, workersComplete: false };
  }
  const partial = raging('partialView');
  if (partial === undefined) return view;
  return {
    ...view,
    workers: view.workers.filter(({ id }) => mix(id, partial.seed) % 2 === 0),
    workersComplete: false,
    demand: view.demand.filter(({ id }) => mix(id, partial.seed) % 2 === 0),
    demandComplete: false,
  };
}
