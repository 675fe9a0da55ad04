import { daemonModes } from '../../api/control.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { billOf } from '../../model/billing.ts';
import { downtimeStages } from '../../model/downtime.ts';
import { periods } from '../../model/periods.ts';
import { alarmKinds, isRaised } from '../../planner/alarms.ts';
import type { DaemonView } from '../control.ts';
import { listDowntimes } from '../downtimeControl.ts';
import { createLeaseControl } from '../leaseControl.ts';
import { moneyView } from '../moneyView.ts';
import { observeView } from '../observeView.ts';
import { poolsOf, setAsidesOf } from '../views.ts';

/** Shows what is so now: looked at only when somebody asks, so that nothing has to be kept up to date. */
export function showGauges(view: DaemonView, metrics: Metrics): void {
  showDaemon(view, metrics);
  showQueues(view, metrics);
  showClouds(view, metrics);
  showInstances(view, metrics);
  showPools(view, metrics);
  showMoney(view, metrics);
  showObserved(view, metrics);
}

function showDaemon(view: DaemonView, metrics: Metrics): void {
  const nowMs = view.now();
  const { pulse, parts } = view;
  const mode = view.stopping() ? 'stopping' : view.everReady() ? 'running' : 'starting';
  metrics.show('build', [[{ version: parts.version }, 1]]);
  metrics.show(
    'mode',
    daemonModes.map((one) => [{ mode: one }, one === mode ? 1 : 0]),
  );
  metrics.show('tickAge', pulse.tickedAtMs === null ? [] : [[{}, (nowMs - pulse.tickedAtMs) / 1000]]);
  metrics.show('tickOverdue', [[{}, pulse.overdueMs(nowMs) / 1000]]);
  const alarms = [...view.state().watch.alarms.values()].filter((alarm) => isRaised(alarm, nowMs));
  metrics.show(
    'alarms',
    alarmKinds.map((kind) => [{ kind }, alarms.filter((alarm) => alarm.kind === kind).length]),
  );
  const { downtimes } = listDowntimes(view);
  metrics.show(
    'downtimes',
    downtimeStages.map((state) => [{ state }, downtimes.filter(({ stage }) => stage === state).length]),
  );
}

function showQueues(view: DaemonView, metrics: Metrics): void {
  const nowMs = view.now();
  const { queues } = view.outlooks();
  const all = view.parts.queues.map(({ config: { name } }) => ({
    queue: name,
    source: view.queueSource(name),
  }));
  const seen = all.flatMap(({ queue, source }) =>
    source?.latest == null ? [] : [{ queue, latest: source.latest, atMs: source.latestAtMs ?? nowMs }],
  );
  metrics.show(
    'queueUp',
    all.map(({ queue }) => [{ queue }, queues.get(queue)?.trouble === null ? 1 : 0]),
  );
  metrics.show(
    'queueViewAge',
    seen.map(({ queue, atMs }) => [{ queue }, (nowMs - atMs) / 1000]),
  );
  metrics.show(
    'queueComplete',
    seen.map(({ queue, latest }) => [{ queue }, latest.demandComplete && latest.workersComplete ? 1 : 0]),
  );
  metrics.show(
    'jobs',
    seen.flatMap(({ queue, latest: { jobs } }) =>
      (['waiting', 'running', 'held'] as const).map((state) => [{ queue, state }, jobs[state]] as const),
    ),
  );
  metrics.show(
    'credentials',
    seen.flatMap(({ queue, latest: { credentials } }) =>
      credentials === undefined
        ? []
        : (['ended', 'ending'] as const).map((state) => [{ queue, state }, credentials[state]] as const),
    ),
  );
  metrics.show(
    'demandGroups',
    seen.map(({ queue, latest }) => [{ queue }, latest.demand.length]),
  );
  metrics.show(
    'workers',
    seen.flatMap(({ queue, latest: { workers } }) => {
      const ours = workers.filter(({ instance }) => instance !== null).length;
      return [
        [{ queue, whose: 'ours' }, ours],
        [{ queue, whose: 'others' }, workers.length - ours],
      ] as const;
    }),
  );
  const unmet = (view.lastTick()?.plan.demand ?? []).filter((report) => report.unmet > 0);
  metrics.show(
    'unmetJobs',
    summed(unmet, (report) => [
      { queue: report.queue, code: report.shortage?.code ?? 'noOffer' },
      report.unmet,
    ]),
  );
}

function showClouds(view: DaemonView, metrics: Metrics): void {
  const nowMs = view.now();
  const { clouds } = view.outlooks();
  const all = view.parts.clouds.map(({ config: { name } }) => name);
  metrics.show(
    'cloudUp',
    all.map((cloud) => [{ cloud }, clouds.get(cloud)?.trouble === null ? 1 : 0]),
  );
  metrics.show(
    'cloudListAge',
    all.flatMap((cloud) => {
      const atMs = view.cloudSource(cloud)?.latestAtMs ?? null;
      return atMs === null ? [] : [[{ cloud }, (nowMs - atMs) / 1000] as const];
    }),
  );
  metrics.show(
    'launchesInFlight',
    all.map((cloud) => [{ cloud }, view.launchesInFlight(cloud)]),
  );
  metrics.show(
    'setAside',
    setAsidesOf(view).map(({ cloud, offer, code }) => [{ cloud, offer, code }, 1]),
  );
}

function showInstances(view: DaemonView, metrics: Metrics): void {
  const live = [...view.state().fleet.entries.values()]
    .map(({ instance }) => instance)
    .filter(({ phase }) => phase !== 'ended');
  metrics.show(
    'instances',
    counted(live, ({ pool, cloud, phase }) => ({ pool, cloud, phase })),
  );
  metrics.show('unpriced', [[{}, live.filter(({ terms }) => terms.price === null).length]]);
  metrics.show(
    'rate',
    summed(
      live.flatMap((instance) => {
        const bill = billOf(instance);
        return bill === null ? [] : [{ instance, price: bill.price }];
      }),
      ({ instance: { pool, cloud }, price: { perHour, currency } }) => [{ pool, cloud, currency }, perHour],
    ),
  );
}

function showPools(view: DaemonView, metrics: Metrics): void {
  const pools = [...poolsOf(view).values()];
  const settings = view.state().poolSettings;
  metrics.show(
    'poolMin',
    pools.map(({ name, min }) => [{ pool: name }, min]),
  );
  metrics.show(
    'poolMax',
    pools.map(({ name, max }) => [{ pool: name }, max]),
  );
  metrics.show(
    'poolPaused',
    pools.map(({ name }) => [{ pool: name }, settings.get(name)?.paused === true ? 1 : 0]),
  );
  metrics.show(
    'leases',
    counted(createLeaseControl(view.parts).leases(), ({ lease: { pool, state } }) => ({ pool, state })),
  );
}

/** What users have spent is not shown by name: there is no end of users. */
function showMoney(view: DaemonView, metrics: Metrics): void {
  const { spending, budgets } = moneyView(view);
  metrics.show(
    'spent',
    spending
      .filter(({ kind }) => kind !== 'user')
      .flatMap(({ kind, name, currency, ...sums }) =>
        periods.map((per) => [{ scope: kind, pool: name ?? '', per, currency }, sums[per]] as const),
      ),
  );
  const ours = budgets.filter(({ kind }) => kind !== 'user');
  const rows = (value: (budget: (typeof ours)[number]) => number) =>
    ours.map((budget) => {
      const { kind, name, per, currency } = budget;
      return [{ scope: kind, pool: name ?? '', per, currency }, value(budget)] as const;
    });
  metrics.show(
    'budgetCap',
    rows(({ cap }) => cap),
  );
  metrics.show(
    'budgetCommitted',
    rows(({ committed }) => committed),
  );
  metrics.show(
    'budgetLeft',
    rows(({ cap, spent, committed }) => cap - spent - committed),
  );
  metrics.show('budgetsUsedUp', [[{}, budgets.filter(({ usedUp }) => usedUp).length]]);
}

/** What observing has come to; nothing where everything is done. */
function showObserved(view: DaemonView, metrics: Metrics): void {
  const { machines, cost } = observeView(view) ?? { machines: [], cost: [] };
  metrics.show(
    'wouldBe',
    machines.map(({ pool, cloud, offer, count }) => [{ pool, cloud, offer }, count]),
  );
  metrics.show(
    'wouldBeCost',
    cost.map(({ currency, soFar }) => [{ currency }, soFar]),
  );
  metrics.show(
    'wouldBeRate',
    cost.map(({ currency, perHour }) => [{ currency }, perHour]),
  );
}

function counted<T, L extends Readonly<Record<string, string>>>(
  all: readonly T[],
  labelsOf: (one: T) => L,
): (readonly [L, number])[] {
  return summed(all, (one) => [labelsOf(one), 1]);
}

/** One row for each set of labels. */
function summed<T, L extends Readonly<Record<string, string>>>(
  all: readonly T[],
  rowOf: (one: T) => readonly [L, number],
): (readonly [L, number])[] {
  const rows = new Map<string, readonly [L, number]>();
  for (const one of all) {
    const [labels, value] = rowOf(one);
    const key = Object.values(labels).join('\n');
    rows.set(key, [labels, (rows.get(key)?.[1] ?? 0) + value]);
  }
  return [...rows.values()];
}
