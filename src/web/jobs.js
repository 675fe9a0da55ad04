import { ask } from './client.js';
import { openSheet } from './dialogs.js';
import { h, renderOnce } from './dom.js';
import { counted, number, span } from './format.js';
import { bar, button, card, codeTag, table } from './pieces.js';

/**
 * @import { JobExplanation } from '../api/control.ts'
 * @import { LiveDemand } from '../api/live/frame.ts'
 * @import { Site } from './site.js'
 */

/** Groups that are shown at once; what is beyond is counted. */
const groupsShown = 100;

export function createJobs() {
  const input = h('input', {
    attributes: {
      name: 'job',
      placeholder: 'A job’s id, e.g. 1234.0',
      'aria-label': 'Job',
      required: true,
      autocomplete: 'off',
    },
  });
  const form = h(
    'form',
    { class: 'ask' },
    h('h2', {}, 'Why does a job wait?'),
    h(
      'div',
      { class: 'line' },
      input,
      h('button', { class: 'primary', attributes: { type: 'submit' } }, 'Explain'),
    ),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    explainJob(input.value.trim());
  });
  const groups = h('div', { class: 'slot' });
  const launches = h('div', { class: 'slot' });
  const element = h('div', { class: 'page' }, h('section', { class: 'card' }, form), groups, launches);
  return {
    element,
    /** @param {Site} site */
    update: ({ demand }) => {
      if (demand === null) return;
      renderOnce(groups, demand.groups, renderGroups);
      renderOnce(launches, { launches: demand.launches, missing: demand.missing }, renderLaunches);
    },
    repaint: () => {},
    remove: () => {},
  };
}

/** @param {LiveDemand['groups']} groups */
function renderGroups(groups) {
  if (groups.length === 0) return card('Waiting jobs', 'wide', h('p', { class: 'empty' }, 'No job waits.'));
  const shown = groups
    .toSorted((a, b) => b.unmet - a.unmet || a.turn.place - b.turn.place)
    .slice(0, groupsShown);
  const rows = shown.map((group) => {
    const parts = [
      { kind: 'busy', label: 'on machines that are there', value: group.servedByWorkers },
      { kind: 'free', label: 'on machines that come', value: group.servedComing },
      { kind: 'launch', label: 'on machines to launch', value: group.toLaunch },
      { kind: 'unmet', label: 'not served', value: group.unmet },
    ];
    const [job] = group.sampleJobs;
    return [
      h(
        'span',
        { class: 'name' },
        job === undefined
          ? group.demand
          : button(job, () => explainJob(job), { kind: 'link', key: `job ${job}` }),
        group.workers > 1 && h('span', { class: 'tag' }, `${group.workers} machines each`),
      ),
      group.user ?? '–',
      h('span', { class: 'turn' }, `${group.turn.place} of ${group.turn.of}`),
      number(group.jobs),
      h(
        'span',
        { class: 'served' },
        bar(parts, group.jobs),
        h(
          'small',
          { class: 'soft' },
          parts
            .filter(({ value }) => value > 0)
            .map(({ label, value }) => `${number(value)} ${label}`)
            .join(', '),
        ),
      ),
      group.unmetCode === null ? '' : h('span', {}, codeTag(group.unmetCode), ' ', group.unmetWhy ?? ''),
    ];
  });
  const columns = [
    { name: 'Group of' },
    { name: 'User' },
    { name: 'Turn' },
    { name: 'Jobs', right: true },
    { name: 'Where they go' },
    { name: 'Why the rest waits' },
  ];
  const more = groups.length - shown.length;
  return card(
    'Waiting jobs',
    'wide',
    table('Groups of waiting jobs', columns, rows),
    more > 0 && h('p', { class: 'soft' }, `and ${counted(more, 'more group')}`),
  );
}

/** @param {Pick<LiveDemand, 'launches' | 'missing'>} plan */
function renderLaunches({ launches, missing }) {
  const notes = missing.map((clause) => h('p', { class: 'wrong' }, clause));
  if (launches.length === 0) return notes.length === 0 ? null : card('The plan lacks', 'wide', notes);
  const rows = launches.map(({ pool, offer, cloud, count, why }) => [
    number(count),
    `${offer} at ${cloud}`,
    pool,
    why,
  ]);
  const columns = [{ name: 'Machines', right: true }, { name: 'Offer' }, { name: 'Pool' }, { name: 'Why' }];
  return card('About to be launched', 'wide', notes, table('Planned launches', columns, rows));
}

/** @param {string} id */
export function explainJob(id) {
  const sheet = openSheet(`Job ${id}`, [h('p', { class: 'empty' }, 'Asking its queue …')]);
  ask(`/v1/explain/job/${encodeURIComponent(id)}`).then(
    (found) => sheet.element.replaceChildren(...explanation(found)),
    (error) => sheet.element.replaceChildren(h('p', { class: 'wrong' }, error.message)),
  );
}

/**
 * @param {JobExplanation} found
 * @returns {readonly HTMLElement[]}
 */
function explanation(found) {
  const { verdict, next, owner, queue, state, wants, turn, offers, workers, pools, nowMs } = found;
  /** @type {readonly (readonly [string, string | null])[]} */
  const facts = [
    ['Owner', owner],
    ['Queue', queue],
    ['State', state],
    [
      'Wants',
      wants === null
        ? null
        : `${wants.cpus} CPUs, ${number(wants.memoryMiB)} MiB memory, ${number(wants.diskMiB)} MiB disk${wants.gpus > 0 ? `, ${wants.gpus} GPUs` : ''}`,
    ],
    ['Turn', turn === null ? null : `${turn.place} of ${turn.of}`],
    [
      'Workers',
      `${workers.matching} of ${workers.total} match, ${workers.free} have room, ${workers.coming} on their way`,
    ],
    ['Pools', pools.map(({ pool, counted: have, max }) => `${pool} ${have} of ${max}`).join(', ')],
  ];
  const rows = offers.map(({ offer, pool, matches, side, clause, found: came, setAside }) => [
    h('span', { class: 'name' }, offer, h('span', { class: 'soft' }, ` ${pool}`)),
    matches
      ? h('span', { class: 'good' }, 'fits')
      : h(
          'span',
          { class: 'wrong' },
          side === 'job'
            ? 'the job’s requirements'
            : side === 'offer'
              ? 'the offer’s requirements'
              : 'too small',
        ),
    h(
      'span',
      {},
      clause !== null && h('code', {}, clause),
      came !== null && h('span', { class: 'soft' }, ` ${came}`),
      setAside !== null &&
        h(
          'span',
          {},
          codeTag(setAside.code),
          ` set aside for ${span(Math.max(0, setAside.untilMs - nowMs))}: ${setAside.why}`,
        ),
    ),
  ]);
  return [
    h('p', { class: 'why verdict' }, verdict),
    h('p', {}, next),
    ...found.remarks.map((remark) => h('p', { class: 'soft' }, remark)),
    h(
      'dl',
      {},
      facts.flatMap(([name, value]) =>
        value === null || value === '' ? [] : [h('dt', {}, name), h('dd', {}, value)],
      ),
    ),
    h('h3', {}, 'Offers'),
    table('Offers', [{ name: 'Offer' }, { name: 'Match' }, { name: 'By which clause' }], rows),
  ];
}
