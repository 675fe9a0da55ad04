import type {
  ChangeReceipt,
  InstanceList,
  InstanceView,
  LaunchCauseView,
  LaunchReceipt,
} from '../../api/control.ts';
import type { PublicState } from '../../model/instance.ts';
import { counted, orDash, since } from '../format.ts';
import { type Cell, type Column, type Paint, printable, renderTable, type Style } from '../table.ts';

export function renderInstances(view: InstanceList, style: Style): readonly string[] {
  if (view.instances.length === 0) return ['no instances'];
  const columns: readonly Column[] = [
    { header: 'INSTANCE' },
    { header: 'POOL' },
    { header: 'OFFER' },
    { header: 'CLOUD' },
    { header: 'STATE' },
    { header: 'PHASE' },
    { header: 'FOR', align: 'right' },
    { header: 'AGE', align: 'right' },
    { header: 'JOBS', align: 'right' },
    { header: 'CLAIMS', align: 'right' },
    { header: 'CLOUD ID' },
    { header: 'ADDRESS' },
  ];
  const rows = view.instances.map((instance) => [
    instance.id,
    instance.pool,
    instance.offer,
    instance.cloud,
    stateCell(instance.state, style),
    phaseText(instance),
    since(instance.phaseSinceMs, view.nowMs),
    since(instance.createdAtMs, instance.endedAtMs ?? view.nowMs),
    orDash(instance.runningJobs),
    instance.claims,
    orDash(instance.cloudId),
    orDash(instance.address),
  ]);
  const left = view.total - view.instances.length;
  const more = left > 0 ? [`and ${counted(left, 'more instance', 'more instances')}: see --limit`] : [];
  return [...renderTable(columns, rows, style), ...more];
}

function phaseText(instance: InstanceView): string {
  return instance.endReason === null ? instance.phase : `${instance.phase} (${instance.endReason})`;
}

const paintOf = {
  Free: 'green',
  Busy: 'cyan',
  Unusable: 'yellow',
} as const satisfies Record<PublicState, keyof Style>;

export function stateCell(state: PublicState | null, style: Style): Cell {
  if (state === null) return '-';
  const paint: Paint = style[paintOf[state]];
  return { text: state, paint };
}

const causes = {
  min: "for the pool's min",
  headroom: "for the pool's head-room",
  operator: 'by an operator',
  adopted: 'found in the cloud with our mark',
} as const satisfies Record<Exclude<LaunchCauseView['kind'], 'demand'>, string>;

export function causeText(cause: LaunchCauseView): string {
  if (cause.kind !== 'demand') return causes[cause.kind];
  const job = cause.job === null ? '' : `, first job ${cause.job}`;
  const user = cause.user === null ? '' : ` of ${cause.user}`;
  return `for demand ${orDash(cause.demand)}${user}${job}`;
}

export function renderLaunched(view: LaunchReceipt): readonly string[] {
  const what = `${counted(view.instances.length, 'instance')} of offer ${view.offer} on cloud ${view.cloud}`;
  return [
    printable(`launching ${what} for pool ${view.pool}:`),
    ...view.instances.map((instance) => printable(instance.id)),
  ];
}

export function renderChange(view: ChangeReceipt): readonly string[] {
  const { id, phase } = view.instance;
  return [printable(`${id}: ${view.changed ? '' : 'already '}${phase}; ${view.next}`)];
}
