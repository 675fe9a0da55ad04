import { drainOrUndrain, terminate } from './actions.js';
import { ask } from './client.js';
import { openSheet } from './dialogs.js';
import { h, setAttribute, setText } from './dom.js';
import { createFleetMap } from './fleetMap.js';
import { clock, counted, dateTime, money, number, span } from './format.js';
import { button, pill } from './pieces.js';
import { costPerHour, mayOperate, selectMachines } from './site.js';
import { createVirtualList } from './virtualList.js';

/**
 * @import { LiveInstance } from '../api/live/frame.ts'
 * @import { InstanceExplanation } from '../api/control.ts'
 * @import { MachineFilter, Site, SortKey } from './site.js'
 */

/** @type {readonly (readonly [SortKey, string, string])[]} key, title, class */
const columns = [
  ['id', 'Machine', 'id'],
  ['phase', 'Phase', 'phase'],
  ['pool', 'Pool', 'pool'],
  ['offer', 'Offer', 'offer'],
  ['jobs', 'Jobs', 'jobs right'],
  ['user', 'For', 'user'],
  ['since', 'Since', 'since right'],
  ['age', 'Age', 'age right'],
];

/** @param {URLSearchParams} asked what the address says */
export function createMachines(asked) {
  /** @type {Site | null} */
  let site = null;
  /** @type {MachineFilter} */
  const filter = {
    text: asked.get('q') ?? '',
    pool: asked.get('pool') ?? '',
    state: asked.get('state') ?? '',
    sort: 'phase',
    descending: false,
  };

  const text = h('input', {
    attributes: {
      type: 'search',
      placeholder: 'Id, user, offer, address …',
      'aria-label': 'Search machines',
      value: filter.text,
    },
  });
  const pools = h(
    'select',
    { attributes: { 'aria-label': 'Pool' } },
    h('option', { attributes: { value: '' } }, 'All pools'),
  );
  const states = h(
    'select',
    { attributes: { 'aria-label': 'State' } },
    ['', 'Free', 'Busy', 'Unusable'].map((state) =>
      h(
        'option',
        { attributes: { value: state, selected: state === filter.state } },
        state === '' ? 'All states' : state,
      ),
    ),
  );
  const found = h('p', { class: 'found', attributes: { role: 'status' } });
  const fleet = createFleetMap((id) => showMachine(id, () => site));
  const list = createVirtualList(makeRow);
  const heads = columns.map(([key, title, kind]) => {
    const sort = button(title, () => sortBy(key), { kind: 'sort', key });
    return h(
      'div',
      { class: `cell ${kind}`, attributes: { role: 'columnheader', 'aria-sort': 'none' } },
      sort,
    );
  });
  const grid = h(
    'div',
    { class: 'machines', attributes: { role: 'table', 'aria-label': 'Machines' } },
    h('div', { class: 'head', attributes: { role: 'row' } }, heads),
    list.element,
  );
  const element = h(
    'div',
    { class: 'page' },
    h('section', { class: 'card' }, fleet.element),
    h('section', { class: 'card list' }, h('div', { class: 'filters' }, text, pools, states, found), grid),
  );
  text.addEventListener('input', () => {
    filter.text = text.value;
    draw();
  });
  pools.addEventListener('change', () => {
    filter.pool = pools.value;
    draw();
  });
  states.addEventListener('change', () => {
    filter.state = states.value;
    draw();
  });

  /** @param {SortKey} key */
  function sortBy(key) {
    filter.descending = filter.sort === key && !filter.descending;
    filter.sort = key;
    draw();
  }

  function makeRow() {
    /** @type {LiveInstance | null} */
    let shown = null;
    const open = button('', () => shown !== null && showMachine(shown.id, () => site), { kind: 'link' });
    const cells = columns.map(([, , kind]) =>
      h('div', { class: `cell ${kind}`, attributes: { role: 'cell' } }),
    );
    const label = h('span');
    const phase = h('span', { class: 'pill' }, h('i', { attributes: { 'aria-hidden': 'true' } }), label);
    cells[0]?.append(open);
    cells[1]?.append(phase);
    const row = h('div', { class: 'row', attributes: { role: 'row' } }, cells);
    /** @param {LiveInstance} one */
    function show(one) {
      shown = one;
      const nowMs = site?.status?.nowMs ?? 0;
      setText(open, one.id);
      setText(label, one.phase);
      setAttribute(phase, 'class', `pill ${(one.state ?? '').toLowerCase()}`);
      const texts = [
        null,
        null,
        one.pool,
        one.market === 'spot' ? `${one.offer} (spot)` : one.offer,
        one.runningJobs ?? '–',
        one.user ?? '–',
        span(nowMs - one.phaseSinceMs),
        span(nowMs - one.createdAtMs),
      ];
      for (const [at, said] of texts.entries()) {
        const cell = cells[at];
        if (said !== null && cell !== undefined) setText(cell, said);
      }
    }
    return { element: row, show };
  }

  function draw() {
    if (site === null) return;
    const names = (site.status?.pools ?? []).map(({ name }) => name);
    if (pools.options.length !== names.length + 1) {
      pools.replaceChildren(
        ...['', ...names].map((name) =>
          h(
            'option',
            { attributes: { value: name, selected: name === filter.pool } },
            name === '' ? 'All pools' : name,
          ),
        ),
      );
    }
    const kept = selectMachines(site.instances.values(), filter);
    const costs = [...costPerHour(kept)].map(([currency, perHour]) => `${money(perHour, currency)} an hour`);
    setText(
      found,
      [
        kept.length === site.instances.size
          ? counted(kept.length, 'machine')
          : `${number(kept.length)} of ${counted(site.instances.size, 'machine')}`,
        ...costs,
      ].join('  ·  '),
    );
    for (const [at, [key]] of columns.entries()) {
      const head = heads[at];
      if (head !== undefined)
        setAttribute(
          head,
          'aria-sort',
          filter.sort === key ? (filter.descending ? 'descending' : 'ascending') : 'none',
        );
    }
    setAttribute(grid, 'aria-rowcount', kept.length + 1);
    list.show(kept);
  }

  return {
    element,
    /** @param {Site} next */
    update: (next) => {
      site = next;
      fleet.update(next);
      draw();
    },
    repaint: () => fleet.repaint(),
    remove: () => {
      fleet.remove();
      list.remove();
    },
  };
}

/**
 * Why a machine is as it is, beside the page.
 * @param {string} id
 * @param {() => Site | null} siteOf
 */
export function showMachine(id, siteOf) {
  const sheet = openSheet(id, [h('p', { class: 'empty' }, 'Asking …')]);
  const load = () =>
    ask(`/v1/instances/${encodeURIComponent(id)}`).then(
      (found) => sheet.element.replaceChildren(...explanation(found, siteOf(), () => void load())),
      (error) => sheet.element.replaceChildren(h('p', { class: 'wrong' }, error.message)),
    );
  void load();
}

/**
 * @param {InstanceExplanation} found
 * @param {Site | null} site
 * @param {() => void} again
 * @returns {readonly HTMLElement[]}
 */
function explanation({ instance, bootedBecause, keptBecause, endedBecause, journal, nowMs }, site, again) {
  const live = site?.instances.get(instance.id);
  const may = site !== null && live !== undefined && mayOperate(site, instance.pool);
  const going = instance.phase === 'terminating' || instance.phase === 'failed' || instance.phase === 'ended';
  /** @type {readonly (readonly [string, string | null])[]} */
  const facts = [
    ['Pool', instance.pool],
    ['Offer', `${instance.offer} at ${instance.cloud}${instance.market === 'spot' ? ', spot' : ''}`],
    [
      'Price',
      instance.price === null
        ? 'not known'
        : `${money(instance.price.perHour, instance.price.currency)} an hour`,
    ],
    [
      'So far',
      instance.cost === null || instance.price === null
        ? null
        : money(instance.cost, instance.price.currency),
    ],
    ['In this phase for', span(nowMs - instance.phaseSinceMs)],
    ['Made', `${span(nowMs - instance.createdAtMs)} ago`],
    ['Deadline', instance.deadlineMs === null ? null : `in ${span(instance.deadlineMs - nowMs)}`],
    ['Running jobs', instance.runningJobs === null ? 'not seen' : String(instance.runningJobs)],
    ['Times used', String(instance.claims)],
    ['Cloud’s name', instance.cloudId],
    ['Address', instance.address],
    ['Worker', instance.worker],
  ];
  /** @type {readonly (readonly [string, string | null])[]} */
  const reasons = [
    ['Booted because', bootedBecause],
    ['Kept because', keptBecause],
    ['Ends because', endedBecause],
  ];
  return [
    h('p', {}, pill(instance.state ?? 'ended', instance.phase)),
    ...reasons.flatMap(([title, why]) =>
      why === null ? [] : [h('h3', {}, title), h('p', { class: 'why' }, why)],
    ),
    may && !going
      ? h(
          'p',
          { class: 'actions' },
          button(
            instance.phase === 'draining' ? 'Undrain' : 'Drain',
            () => void drainOrUndrain(live).then(again),
          ),
          button('End …', () => terminate(live), { kind: 'danger' }),
        )
      : h('span'),
    h(
      'dl',
      {},
      facts.flatMap(([name, value]) => (value === null ? [] : [h('dt', {}, name), h('dd', {}, value)])),
    ),
    h('h3', {}, 'Journal'),
    h(
      'ol',
      { class: 'entries' },
      journal
        .toReversed()
        .map((entry) =>
          h(
            'li',
            {},
            h('time', { attributes: { title: dateTime(entry.wallMs) } }, clock(entry.wallMs)),
            h('b', {}, entry.kind),
            h('span', {}, entry.why),
          ),
        ),
    ),
  ];
}
