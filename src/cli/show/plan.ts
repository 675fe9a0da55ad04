import type { DemandPlan } from '../../api/demandPlan.ts';
import type { PlannedChange, PlannedLaunch, PlanView } from '../../api/plan.ts';
import { counted, orDash } from '../format.ts';
import { type Column, printable, renderTable, type Style } from '../table.ts';
import { budgetTable } from './money.ts';
import { renderObserve } from './observe.ts';

const right = (header: string): Column => ({ header, align: 'right' });

export function renderPlan(view: PlanView, style: Style): readonly string[] {
  const sections = [
    view.missing.map((clause) => style.yellow(printable(`not known yet: ${clause}`))),
    launches('LAUNCH', view.launches, style),
    changes('DRAIN', view.drains, style),
    changes('UNDRAIN', view.undrains, style),
    changes('TERMINATE', view.terminations, style),
    demandTable(view.demand, style),
    refusals(view.demand, style),
    budgetTable(view.budgets, style),
    ...(view.observe === null
      ? []
      : [
          renderObserve(view.observe, view.nowMs, style),
          launches('WOULD LAUNCH', view.observe.launches, style),
          changes('WOULD DRAIN', view.observe.drains, style),
        ]),
  ].filter((lines) => lines.length > 0);
  const nothing =
    view.launches.length + view.drains.length + view.undrains.length + view.terminations.length === 0;
  const head = nothing ? 'nothing would be done now' : summary(view);
  return [head, ...sections.flatMap((lines) => ['', ...lines])];
}

function summary(view: PlanView): string {
  const machines = view.launches.reduce((sum, launch) => sum + launch.count, 0);
  const parts = [
    machines > 0 ? [`launch ${counted(machines, 'instance')}`] : [],
    view.undrains.length > 0 ? [`undrain ${view.undrains.length}`] : [],
    view.drains.length > 0 ? [`drain ${view.drains.length}`] : [],
    view.terminations.length > 0 ? [`terminate ${view.terminations.length}`] : [],
  ];
  return `would now ${parts.flat().join(', ')}`;
}

function launches(verb: string, planned: readonly PlannedLaunch[], style: Style): readonly string[] {
  if (planned.length === 0) return [];
  const columns = [
    { header: verb, align: 'right' } as const,
    { header: 'OFFER' },
    { header: 'CLOUD' },
    { header: 'POOL' },
    { header: 'DEMAND' },
    { header: 'WHY' },
  ];
  const rows = planned.map((launch) => [
    launch.count,
    launch.offer,
    launch.cloud,
    launch.pool,
    orDash(launch.demand),
    launch.why,
  ]);
  return renderTable(columns, rows, style);
}

function changes(verb: string, planned: readonly PlannedChange[], style: Style): readonly string[] {
  if (planned.length === 0) return [];
  const columns = [{ header: verb }, { header: 'POOL' }, { header: 'WHY' }];
  const rows = planned.map((change) => [change.instance, change.pool, change.why]);
  return renderTable(columns, rows, style);
}

function demandTable(demand: readonly DemandPlan[], style: Style): readonly string[] {
  if (demand.length === 0) return ['no jobs wait'];
  const columns: readonly Column[] = [
    { header: 'DEMAND' },
    { header: 'QUEUE' },
    { header: 'USER' },
    right('LEVEL'),
    right('JOBS'),
    right('BY WORKERS'),
    right('COMING'),
    right('LAUNCH'),
    right('UNMET'),
    { header: 'E.G. JOB' },
    { header: 'WHY UNMET' },
  ];
  const rows = demand.map((group) => [
    group.demand,
    group.queue,
    orDash(group.user),
    group.turn.level.toFixed(1),
    group.jobs,
    group.servedByWorkers,
    group.servedComing,
    group.toLaunch,
    group.unmet === 0 ? 0 : { text: String(group.unmet), paint: style.yellow },
    orDash(group.sampleJobs[0] ?? null),
    whyUnmet(group),
  ]);
  return renderTable(columns, rows, style);
}

function whyUnmet(group: DemandPlan): string {
  if (group.unmetCode === null) return '-';
  return group.unmetWhy === null ? group.unmetCode : `${group.unmetCode}: ${group.unmetWhy}`;
}

function refusals(demand: readonly DemandPlan[], style: Style): readonly string[] {
  const rows = demand.flatMap((group) =>
    group.refusedOffers.map((refused) => [group.demand, refused.offer, refused.code, orDash(refused.clause)]),
  );
  if (rows.length === 0) return [];
  const columns = [{ header: 'DEMAND' }, { header: 'CANNOT HAVE' }, { header: 'CODE' }, { header: 'CLAUSE' }];
  return renderTable(columns, rows, style);
}
