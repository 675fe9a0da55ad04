import type {
  InstanceExplanation,
  InstanceView,
  JobExplanation,
  OfferVerdict,
  WorkerSummary,
} from '../../api/control.ts';
import type { TurnView } from '../../api/demandPlan.ts';
import { counted, orDash, resources, since, span } from '../format.ts';
import { type Column, printable, renderTable, type Style } from '../table.ts';
import { causeText } from './instances.ts';
import { renderEntries } from './journal.ts';
import { amountText } from './money.ts';

export function renderJob(view: JobExplanation, style: Style): readonly string[] {
  const owner = view.owner === null ? '' : ` of ${view.owner}`;
  const group = view.demand === null ? '' : `, in demand ${view.demand}`;
  return [
    style.bold(printable(`job ${view.job}${owner}: ${view.state} in queue ${view.queue}${group}`)),
    ...(view.wants === null ? [] : [`wants ${resources(view.wants)}`]),
    ...(view.turn === null ? [] : [turnText(view.turn)]),
    printable(view.verdict),
    printable(`next: ${view.next}`),
    ...view.remarks.map((remark) => printable(`note: ${remark}`)),
    '',
    workersText(view.workers),
    '',
    ...offerTable(view, style),
    '',
    ...poolTable(view, style),
  ];
}

/** `turn 3 of 12: level 21.4 = priority 0 + aging 1.4 + share 20.0`. */
function turnText({ place, of, level, priority, aging, share, pool }: TurnView): string {
  const sum = `level ${level.toFixed(1)} = priority ${priority} + aging ${aging.toFixed(1)} + share ${share.toFixed(1)}`;
  return `turn ${place} of ${of}: ${sum}${pool === 0 ? '' : `; pool priority ${pool}`}`;
}

function workersText({ total, matching, free, coming }: WorkerSummary): string {
  const there =
    total === 0
      ? 'no workers'
      : `${counted(total, 'worker')}: ${matching} of them ${matching === 1 ? 'matches' : 'match'}, ${free} with room for it now`;
  return `${there}; ${coming} coming`;
}

function offerTable(view: JobExplanation, style: Style): readonly string[] {
  if (view.offers.length === 0) return ['no pool of this queue has offers'];
  const columns = [
    { header: 'OFFER' },
    { header: 'POOL' },
    { header: 'CLOUD' },
    { header: 'FITS' },
    { header: 'WHY NOT' },
  ];
  const rows = view.offers.map((offer) => [
    offer.offer,
    offer.pool,
    offer.cloud,
    offer.matches ? { text: 'yes', paint: style.green } : { text: 'no', paint: style.yellow },
    whyNot(offer, view.nowMs),
  ]);
  return renderTable(columns, rows, style);
}

const sides = {
  job: "the job's",
  offer: "the offer's",
  size: 'too small:',
} as const satisfies Record<NonNullable<OfferVerdict['side']>, string>;

function whyNot(offer: OfferVerdict, nowMs: number): string {
  const found = offer.found === null ? '' : ` is ${offer.found}`;
  const clause =
    offer.side === null ? [] : [`${sides[offer.side]} ${offer.clause ?? 'requirements'}${found}`];
  const aside = offer.setAside;
  const set = aside === null ? [] : [`set aside for ${span(aside.untilMs - nowMs)}: ${aside.why}`];
  const all = [...clause, ...set];
  return all.length === 0 ? '-' : all.join('; ');
}

function poolTable(view: JobExplanation, style: Style): readonly string[] {
  const columns: readonly Column[] = [
    { header: 'POOL' },
    { header: 'MIN', align: 'right' },
    { header: 'COUNTED', align: 'right' },
    { header: 'MAX', align: 'right' },
  ];
  const rows = view.pools.map((pool) => [pool.pool, pool.min, pool.counted, pool.max]);
  return rows.length === 0 ? [] : renderTable(columns, rows, style);
}

export function renderInstance(view: InstanceExplanation, style: Style): readonly string[] {
  const { instance, nowMs } = view;
  const state = instance.state === null ? '' : `${instance.state}, `;
  return [
    style.bold(
      printable(
        `instance ${instance.id}: ${state}${instance.phase} for ${since(instance.phaseSinceMs, nowMs)}`,
      ),
    ),
    printable(`booted: ${view.bootedBecause}`),
    ...(view.keptBecause === null ? [] : [printable(`kept: ${view.keptBecause}`)]),
    ...(view.endedBecause === null ? [] : [printable(`end: ${view.endedBecause}`)]),
    '',
    ...fields(instance, nowMs).map(([name, value]) => printable(`${name.padEnd(10)}${value}`)),
    '',
    ...(view.journal.length === 0 ? ['no journal entries'] : renderEntries(view.journal, style)),
  ];
}

function costText({ price, cost }: InstanceView): string {
  if (price === null || cost === null) return '-';
  return `${amountText(cost)} ${price.currency} at ${price.perHour} an hour`;
}

function fields(instance: InstanceView, nowMs: number): readonly (readonly [string, string])[] {
  const at = (moment: number | null) => (moment === null ? '-' : `${since(moment, nowMs)} ago`);
  const deadline = instance.deadlineMs;
  return [
    ['pool', `${instance.pool} (queue ${instance.queue})`],
    ['offer', `${instance.offer} on cloud ${instance.cloud}`],
    ['launched', causeText(instance.cause)],
    ['intent', `${instance.intent}, seat ${instance.seat}`],
    ['cloud id', orDash(instance.cloudId)],
    ['address', orDash(instance.address)],
    ['worker', orDash(instance.worker)],
    ['created', at(instance.createdAtMs)],
    ['running', at(instance.runningAtMs)],
    ['joined', at(instance.joinedAtMs)],
    ['idle', at(instance.idleSinceMs)],
    ['jobs', orDash(instance.runningJobs)],
    ['claims', String(instance.claims)],
    ['deadline', deadline === null ? '-' : deadline > nowMs ? `in ${span(deadline - nowMs)}` : 'over'],
    ['ended', at(instance.endedAtMs)],
    ['market', instance.market],
    ['cost', costText(instance)],
  ];
}
