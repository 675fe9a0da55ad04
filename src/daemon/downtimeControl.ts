import { ControlError } from '../api/control.ts';
import type { DowntimeList, DowntimeReceipt, DowntimeRequest, DowntimeView } from '../api/downtimes.ts';
import type { Downtime } from '../model/downtime.ts';
import { concerns, declaredMax, type Window } from '../planner/downtimes.ts';
import type { DaemonView } from './control.ts';
import { drainStartMs, outlookOf, stageOf } from './downtimes.ts';

/** Every downtime that is not over, in the order in which they begin. */
export function listDowntimes(view: DaemonView): DowntimeList {
  const moment = { nowMs: view.now(), wallMs: view.wallNow() };
  const { windows } = outlookOf(view.state().downtimes, view.site, moment);
  return { nowMs: moment.nowMs, downtimes: windows.map((window) => downtimeView(view, window)) };
}

export function addDowntime(view: DaemonView, request: DowntimeRequest): DowntimeReceipt {
  const { scope } = request;
  const { clouds, pools } = view.parts.config;
  if (scope.kind === 'cloud' && !clouds.some(({ name }) => name === scope.cloud))
    throw new ControlError('unknownCloud', `there is no cloud ${scope.cloud}`);
  if (scope.kind === 'pool' && !pools.some(({ name }) => name === scope.pool))
    throw new ControlError('unknownPool', `there is no pool ${scope.pool}`);
  if (view.stopping()) throw new ControlError('notReady', 'the daemon stops');
  const wallMs = view.wallNow();
  const fromWallMs = request.fromWallMs ?? wallMs;
  if (request.toWallMs <= Math.max(fromWallMs, wallMs))
    throw refused('it would be over before it begins, or is over already');
  if (view.state().downtimes.declared.downtimes.size >= declaredMax)
    throw refused(`there are ${declaredMax} downtimes already`);
  const { downtimes } = view.runTick({
    downtimeOrders: [{ kind: 'add', downtime: { ...request, fromWallMs } }],
  }).state;
  const id = `d${downtimes.declared.count}`;
  const added = listDowntimes(view).downtimes.find((downtime) => downtime.id === id);
  if (added === undefined) throw refused('it is over already');
  return { nowMs: view.now(), downtime: added, next: whatFollows(added) };
}

export function endDowntime(view: DaemonView, id: string): DowntimeReceipt {
  const found = listDowntimes(view).downtimes.find((downtime) => downtime.id === id);
  if (found === undefined) throw new ControlError('unknownDowntime', `there is no downtime ${id}`);
  if (found.configured)
    throw new ControlError('refused', `downtime ${id} stands in the config: it is ended there`, {
      reason: 'configured',
    });
  if (view.stopping()) throw new ControlError('notReady', 'the daemon stops');
  view.runTick({ downtimeOrders: [{ kind: 'end', id }] });
  const next = 'machines are launched again; those that drained for it return when a job needs them';
  return { nowMs: view.now(), downtime: found, next };
}

function refused(message: string): ControlError {
  return new ControlError('refused', message, { reason: 'bounds' });
}

function downtimeView(view: DaemonView, window: Window): DowntimeView {
  const moment = { nowMs: view.now(), wallMs: view.wallNow() };
  const outlook = outlookOf(view.state().downtimes, view.site, moment);
  const about = { nowMs: moment.nowMs, outlook, site: view.site };
  const { downtime, fromMs, toMs } = window;
  const own = [...view.state().fleet.entries.values()].filter(({ instance }) => concerns(downtime, instance));
  return {
    id: downtime.id,
    ...scopeNames(downtime),
    reason: downtime.reason,
    force: downtime.force,
    configured: view.site.downtimes.includes(downtime),
    stage: stageOf(window, about),
    fromAtMs: fromMs,
    toAtMs: toMs,
    fromWallMs: downtime.fromWallMs,
    toWallMs: downtime.toWallMs,
    drainsAtMs: drainStartMs(window, about),
    machines: own.length,
    busy: own.filter(({ sighting }) => sighting.activity === 'claimed' || sighting.activity === 'draining')
      .length,
  };
}

function scopeNames({ scope }: Downtime): Pick<DowntimeView, 'cloud' | 'pool'> {
  return {
    cloud: scope.kind === 'cloud' ? scope.cloud : null,
    pool: scope.kind === 'pool' ? scope.pool : null,
  };
}

function whatFollows({ stage, force }: DowntimeView): string {
  const end = force
    ? 'what still works when it begins is ended'
    : 'what still works when it begins may finish';
  switch (stage) {
    case 'planned':
      return `its machines drain ahead, so that they are empty when it begins; ${end}`;
    case 'draining':
      return `its machines take no more jobs from now on; ${end}`;
    case 'active':
      return force
        ? 'its machines are ended now'
        : 'its machines take no more jobs and end when they are empty';
  }
}
