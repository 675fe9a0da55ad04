import { pauseOrResume, scalePool } from './actions.js';
import { createChartCard, jobChart, machineChart } from './chartCard.js';
import { h, renderOnce } from './dom.js';
import { counted, money, number, span } from './format.js';
import { bar, button, card, codeTag, dim, table, tile } from './pieces.js';
import { costPerHour, mayOperate } from './site.js';

/**
 * @import { StatusView } from '../api/control.ts'
 * @import { PoolStatus } from '../api/poolStatus.ts'
 * @import { Site } from './site.js'
 */

export function createOverview() {
  const tiles = h('div', { class: 'tiles' });
  const machines = createChartCard(machineChart);
  const jobs = createChartCard(jobChart);
  const places = /** @type {const} */ (['pools', 'observe', 'unmet', 'queues', 'clouds', 'aside', 'money']);
  const slots = new Map(places.map((name) => [name, h('div', { class: `slot ${name}` })]));
  const element = h(
    'div',
    { class: 'page' },
    tiles,
    h('div', { class: 'pair' }, machines.element, jobs.element),
    [...slots.values()],
  );

  return {
    element,
    /** @param {Site} site */
    update: (site) => {
      const { status } = site;
      if (status === null) return;
      renderOnce(tiles, tileData(site, status), renderTiles);
      machines.update(site);
      jobs.update(site);
      /** @param {typeof places[number]} name */
      const slot = (name) => slots.get(name) ?? element;
      renderOnce(
        slot('pools'),
        { pools: status.pools, may: status.pools.map(({ name }) => mayOperate(site, name)) },
        renderPools,
      );
      renderOnce(slot('observe'), status.observe?.machines ?? [], renderObserve);
      renderOnce(slot('unmet'), unmetOf(status), renderUnmet);
      renderOnce(slot('queues'), queueData(status), renderQueues);
      renderOnce(slot('clouds'), cloudData(status), renderClouds);
      renderOnce(slot('aside'), asideData(status), renderAside);
      renderOnce(slot('money'), status.money, renderMoney);
    },
    repaint: () => {
      machines.repaint();
      jobs.repaint();
    },
    remove: () => {
      machines.remove();
      jobs.remove();
    },
  };
}

/**
 * @param {Site} site
 * @param {StatusView} status
 */
function tileData(site, status) {
  const jobs = { waiting: 0, running: 0, held: 0 };
  for (const queue of status.queues) {
    jobs.waiting += queue.jobs.waiting;
    jobs.running += queue.jobs.running;
    jobs.held += queue.jobs.held;
  }
  const states = { Busy: 0, Free: 0, Unusable: 0 };
  for (const { states: one } of status.pools) {
    states.Busy += one.Busy;
    states.Free += one.Free;
    states.Unusable += one.Unusable;
  }
  return {
    jobs,
    states,
    unmet: unmetOf(status).reduce((total, { jobs: count }) => total + count, 0),
    spending: status.money.spending.filter(({ kind }) => kind === 'site'),
    perHour: [...costPerHour(site.instances.values())],
    unpriced: status.money.unpriced,
    totals: status.totals.sinceStart,
  };
}

/**
 * @param {number} amount
 * @param {string} currency
 */
function amountOf(amount, currency) {
  const said = money(amount, currency);
  return [said.slice(0, -currency.length), h('span', { class: 'currency' }, currency)];
}

/** @param {ReturnType<typeof tileData>} data */
function renderTiles({ jobs, states, unmet, spending, perHour, totals }) {
  const all = states.Busy + states.Free + states.Unusable;
  const parts = [
    { kind: 'busy', label: 'busy', value: states.Busy },
    { kind: 'free', label: 'free', value: states.Free },
    { kind: 'unusable', label: 'not usable', value: states.Unusable },
  ];
  const [first, ...others] = spending;
  return [
    tile(
      'waiting',
      'Jobs waiting',
      number(jobs.waiting),
      `${number(jobs.running)} running, ${number(jobs.held)} held`,
    ),
    tile(
      unmet > 0 ? 'unmet bad' : 'unmet',
      'Jobs not served',
      number(unmet),
      unmet > 0 ? h('a', { attributes: { href: '#/jobs' } }, 'Why') : 'every waiting job has a place',
    ),
    tile('machines', 'Machines', number(all), [
      bar(parts, all),
      h(
        'span',
        {},
        `${number(states.Busy)} busy, ${number(states.Free)} free, ${number(states.Unusable)} not usable`,
      ),
    ]),
    tile(
      'launched',
      'Since the start',
      counted(totals.launched, 'launch', 'launches'),
      `${number(totals.reused)} jobs on machines that were there, ${number(totals.ended)} ended`,
    ),
    tile('spent', 'Spent today', first === undefined ? '–' : amountOf(first.day, first.currency), [
      perHour.map(([currency, rate]) => `${money(rate, currency)} an hour now`).join(', '),
      ...others.map((one) => `, ${money(one.day, one.currency)}`),
    ]),
  ];
}

/** @param {{ readonly pools: readonly PoolStatus[], readonly may: readonly boolean[] }} data */
function renderPools({ pools, may }) {
  if (pools.length === 0) return null;
  const rows = pools.map((pool, at) => {
    const { states, phases } = pool;
    const parts = [
      { kind: 'busy', label: 'busy', value: states.Busy },
      { kind: 'free', label: 'free', value: states.Free },
      { kind: 'unusable', label: 'not usable', value: states.Unusable },
    ];
    const present = Object.entries(phases).filter(([, count]) => count > 0);
    return [
      h(
        'span',
        { class: 'name' },
        h('a', { attributes: { href: `#/machines?pool=${encodeURIComponent(pool.name)}` } }, pool.name),
        pool.paused && h('span', { class: 'tag warn' }, 'paused'),
        pool.scaled && h('span', { class: 'tag' }, 'scaled'),
        pool.mode === 'observe' && h('span', { class: 'tag' }, 'observe'),
        pool.retiring && h('span', { class: 'tag warn' }, 'retiring'),
      ),
      pool.queue,
      bar(parts, pool.max),
      h('span', { class: 'counts' }, dim(states.Busy), ' / ', dim(states.Free), ' / ', dim(states.Unusable)),
      h('span', { class: 'counts' }, `${number(pool.min)} – ${number(pool.max)}`),
      h(
        'span',
        { class: 'soft' },
        present.length === 0
          ? 'no machines'
          : present.map(([phase, count]) => `${number(count)} ${phase}`).join(', '),
      ),
      may[at] === true
        ? h(
            'span',
            { class: 'actions' },
            button(pool.paused ? 'Resume' : 'Pause', () => pauseOrResume(pool), {
              kind: 'small',
              key: `pause ${pool.name}`,
              label: `${pool.paused ? 'Resume' : 'Pause'} pool ${pool.name}`,
            }),
            button('Bounds', () => scalePool(pool), {
              kind: 'small',
              key: `scale ${pool.name}`,
              label: `Bounds of pool ${pool.name}`,
            }),
          )
        : null,
    ];
  });
  const columns = [
    { name: 'Pool' },
    { name: 'Queue' },
    { name: 'Of its max' },
    { name: 'Busy / free / unusable' },
    { name: 'Bounds' },
    { name: 'Phases' },
    ...(may.includes(true) ? [{ name: 'Do' }] : []),
  ];
  return card('Pools', 'wide', table('Pools', columns, rows));
}

/** @param {NonNullable<StatusView['observe']>['machines']} machines */
function renderObserve(machines) {
  if (machines.length === 0) return null;
  const rows = machines.map(({ count, offer, cloud, pool }) => [number(count), offer, cloud, pool]);
  const columns = [{ name: 'Machines', right: true }, { name: 'Offer' }, { name: 'Cloud' }, { name: 'Pool' }];
  return card('Would be there now, were it not only observed', 'wide', table('Observed', columns, rows));
}

/**
 * A group that several pools could serve is one row.
 * @param {StatusView} status
 */
export function unmetOf({ pools }) {
  /** @type {Map<string, { demand: string, jobs: number, code: string, why: string, pools: string[] }>} */
  const groups = new Map();
  for (const pool of pools) {
    for (const item of pool.unmet) {
      const key = JSON.stringify([item.demand, item.code, item.why]);
      const known = groups.get(key);
      if (known === undefined) groups.set(key, { ...item, pools: [pool.name] });
      else known.pools.push(pool.name);
    }
  }
  return [...groups.values()];
}

const unmetShown = 8;

/** @param {ReturnType<typeof unmetOf>} groups */
function renderUnmet(groups) {
  if (groups.length === 0) return null;
  const shown = groups.toSorted((a, b) => b.jobs - a.jobs).slice(0, unmetShown);
  const rows = shown.map(({ jobs, code, why, pools }) => [
    number(jobs),
    codeTag(code),
    why,
    pools.join(', '),
  ]);
  const columns = [
    { name: 'Jobs', right: true },
    { name: 'Reason' },
    { name: 'Why they wait' },
    { name: 'Pools' },
  ];
  const more = groups.length - shown.length;
  return card(
    'Jobs that are not served',
    'wide',
    table('Jobs that are not served', columns, rows),
    more > 0 &&
      h(
        'p',
        { class: 'soft' },
        h('a', { attributes: { href: '#/jobs' } }, `and ${counted(more, 'more group')}`),
      ),
  );
}

/** @param {StatusView} status */
function queueData({ queues, nowMs }) {
  return queues.map((queue) => ({
    ...queue,
    pollAgeMs: null,
    seen: ageText(queue.pollAgeMs),
    troubleFor: troubleText(queue.trouble, nowMs),
  }));
}

/** @param {number | null} ms in coarse steps: an age that ticks is no news */
function ageText(ms) {
  if (ms === null) return 'never';
  return ms < 60_000 ? '< 1m ago' : `${span(Math.floor(ms / 60_000) * 60_000)} ago`;
}

/**
 * @param {StatusView['queues'][number]['trouble']} trouble
 * @param {number} nowMs
 */
function troubleText(trouble, nowMs) {
  return trouble === null
    ? null
    : `${trouble.code} since ${ageText(nowMs - trouble.sinceMs)}: ${trouble.message}`;
}

/** @param {ReturnType<typeof queueData>} queues */
function renderQueues(queues) {
  const columns = [
    { name: 'Queue' },
    { name: 'Waiting', right: true },
    { name: 'Running', right: true },
    { name: 'Held', right: true },
    { name: 'Workers: ours', right: true },
    { name: 'Others', right: true },
    { name: 'Seen' },
  ];
  const rows = queues.map((queue) => [
    h('span', { class: 'name' }, queue.name, h('span', { class: 'soft' }, ` ${queue.adapter}`)),
    dim(queue.jobs.waiting),
    dim(queue.jobs.running),
    dim(queue.jobs.held),
    dim(queue.workers.ours),
    dim(queue.workers.others),
    queue.troubleFor === null
      ? `${queue.seen}${queue.complete ? '' : ', incomplete'}`
      : h('span', { class: 'wrong' }, queue.troubleFor),
  ]);
  return card('Queues', 'half', table('Queues', columns, rows));
}

/** @param {StatusView} status */
function cloudData({ clouds, nowMs }) {
  return clouds.map((cloud) => ({
    ...cloud,
    listAgeMs: null,
    setAside: [],
    seen: ageText(cloud.listAgeMs),
    troubleFor: troubleText(cloud.trouble, nowMs),
  }));
}

/** @param {ReturnType<typeof cloudData>} clouds */
function renderClouds(clouds) {
  const columns = [
    { name: 'Cloud' },
    { name: 'Machines' },
    { name: 'Launching', right: true },
    { name: 'Quota left', right: true },
    { name: 'Seen' },
  ];
  const rows = clouds.map((cloud) => {
    const { Busy, Free, Unusable } = cloud.instances;
    return [
      h(
        'span',
        { class: 'name' },
        cloud.name,
        h('span', { class: 'soft' }, ` ${cloud.driver}`),
        cloud.mode === 'observe' && h('span', { class: 'tag' }, 'observe'),
        cloud.retiring && h('span', { class: 'tag warn' }, 'retiring'),
      ),
      `${number(Busy + Free + Unusable)}${cloud.max === null ? '' : ` of ${number(cloud.max)}`}`,
      `${cloud.launchesInFlight} of ${cloud.launchesInFlightMax}`,
      cloud.quota?.instances === null || cloud.quota === null ? '–' : number(cloud.quota.instances),
      cloud.troubleFor === null ? cloud.seen : h('span', { class: 'wrong' }, cloud.troubleFor),
    ];
  });
  return card('Clouds', 'half', table('Clouds', columns, rows));
}

/** @param {StatusView} status */
function asideData({ clouds, nowMs }) {
  return clouds.flatMap(({ setAside }) =>
    setAside.map((one) => ({
      ...one,
      untilMs: 0,
      again: span(Math.max(0, Math.ceil((one.untilMs - nowMs) / 10_000) * 10_000)),
    })),
  );
}

/** @param {ReturnType<typeof asideData>} rows */
function renderAside(rows) {
  if (rows.length === 0) return null;
  const columns = [
    { name: 'Offer' },
    { name: 'Reason' },
    { name: 'Failures', right: true },
    { name: 'Tried again' },
    { name: 'What it said' },
  ];
  const cells = rows.map(({ offer, cloud, code, failures, again, why }) => [
    h('span', { class: 'name' }, offer, h('span', { class: 'soft' }, ` ${cloud}`)),
    codeTag(code),
    number(failures),
    again === '0s' ? 'now, with one machine' : `in ${again}`,
    h('span', { class: 'said' }, why),
  ]);
  return card('Offers that are set aside', 'half', table('Offers that are set aside', columns, cells));
}

/** @param {StatusView['money']} view */
function renderMoney({ budgets, spending }) {
  if (budgets.length === 0 && spending.length === 0) return null;
  const meters = budgets.map((budget) => {
    const { spent, committed, cap, currency } = budget;
    const whose = budget.kind === 'site' ? 'the site' : `${budget.kind} ${budget.name}`;
    const parts = [
      { kind: budget.usedUp ? 'over' : 'busy', label: 'spent', value: spent },
      { kind: 'committed', label: 'committed', value: committed },
    ];
    return h(
      'li',
      {},
      h(
        'p',
        {},
        h('b', {}, `${whose}, a ${budget.per}`),
        h(
          'span',
          { class: budget.usedUp ? 'wrong' : 'soft' },
          `${money(spent, currency)} of ${money(cap, currency)}${budget.usedUp ? ', used up' : ''}`,
        ),
      ),
      bar(parts, cap),
    );
  });
  const columns = [
    { name: 'Who' },
    { name: 'This hour', right: true },
    { name: 'Today', right: true },
    { name: 'This month', right: true },
  ];
  const rows = spending
    .filter(({ kind }) => kind !== 'user')
    .map(({ kind, name, hour, day, month, currency }) => [
      kind === 'site' ? 'the site' : `${kind} ${name}`,
      money(hour, currency),
      money(day, currency),
      money(month, currency),
    ]);
  return card(
    'Money',
    'half',
    meters.length > 0 && h('ul', { class: 'meters' }, meters),
    table('Spending', columns, rows),
  );
}
