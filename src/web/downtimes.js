import { endDowntime } from './actions.js';
import { ask } from './client.js';
import { field, openForm, toast } from './dialogs.js';
import { h, renderOnce } from './dom.js';
import { dateTime, number } from './format.js';
import { button, card, table } from './pieces.js';
import { mayOperate } from './site.js';
import { parseLocal, wallNow } from './time.js';

/**
 * @import { StatusView } from '../api/control.ts'
 * @import { DowntimeView } from '../api/downtimes.ts'
 * @import { Site } from './site.js'
 */

export function createDowntimes() {
  const slot = h('div', { class: 'slot' });
  /** @type {Site | null} */
  let site = null;
  const declare = button('Declare a downtime …', () => site !== null && declareDowntime(site), {
    kind: 'primary',
  });
  declare.hidden = true;
  const element = h('div', { class: 'page' }, h('p', { class: 'actions' }, declare), slot);
  return {
    element,
    /** @param {Site} next */
    update: (next) => {
      site = next;
      const { status } = next;
      if (status === null) return;
      declare.hidden = scopesOf(next, status).length === 0;
      const may = status.downtimes.map(({ pool }) => mayOperate(next, pool));
      renderOnce(slot, { downtimes: status.downtimes, may }, render);
    },
    repaint: () => {},
    remove: () => {},
  };
}

/** @param {{ readonly downtimes: readonly DowntimeView[], readonly may: readonly boolean[] }} data */
function render({ downtimes, may }) {
  if (downtimes.length === 0)
    return card('Downtimes', 'wide', h('p', { class: 'empty' }, 'None is declared.'));
  const rows = downtimes.map((one, at) => [
    one.cloud !== null ? `cloud ${one.cloud}` : one.pool !== null ? `pool ${one.pool}` : 'the site',
    h('span', {}, one.stage, one.force && h('span', { class: 'tag warn' }, 'force')),
    dateTime(one.fromWallMs),
    dateTime(one.toWallMs),
    `${number(one.machines)}, ${number(one.busy)} busy`,
    one.reason,
    one.configured
      ? h('span', { class: 'soft' }, 'in the configuration')
      : may[at] === true
        ? button('End', () => endDowntime(one.id), {
            kind: 'small',
            key: one.id,
            label: `End downtime ${one.id}`,
          })
        : '',
  ]);
  const columns = [
    { name: 'Of' },
    { name: 'Stage' },
    { name: 'From' },
    { name: 'To' },
    { name: 'Machines' },
    { name: 'Reason' },
    { name: 'Do' },
  ];
  return card('Downtimes', 'wide', table('Downtimes', columns, rows));
}

/**
 * @param {Site} site
 * @param {StatusView} status
 * @returns {readonly (readonly [string, string])[]} value and label
 */
function scopesOf(site, { pools, clouds }) {
  const own = pools.filter(({ name }) => mayOperate(site, name));
  return [
    ...(mayOperate(site, null) ? /** @type {const} */ ([['site', 'the whole site']]) : []),
    ...(mayOperate(site, null)
      ? clouds.map(({ name }) => /** @type {const} */ ([`cloud ${name}`, `cloud ${name}`]))
      : []),
    ...own.map(({ name }) => /** @type {const} */ ([`pool ${name}`, `pool ${name}`])),
  ];
}

/** @param {Site} site */
function declareDowntime(site) {
  if (site.status === null) return;
  /** @param {number} epochMs */
  const local = (epochMs) => dateTime(epochMs).replace(' ', 'T');
  const hourMs = 3_600_000;
  openForm({
    title: 'Declare a downtime',
    submit: 'Declare',
    children: [
      field(
        'Of',
        h(
          'select',
          { attributes: { name: 'scope' } },
          scopesOf(site, site.status).map(([value, label]) => h('option', { attributes: { value } }, label)),
        ),
      ),
      field(
        'From',
        h('input', {
          attributes: {
            name: 'from',
            type: 'datetime-local',
            value: local(wallNow() + hourMs),
            required: true,
          },
        }),
      ),
      field(
        'To',
        h('input', {
          attributes: {
            name: 'to',
            type: 'datetime-local',
            value: local(wallNow() + 5 * hourMs),
            required: true,
          },
        }),
      ),
      field('Reason', h('input', { attributes: { name: 'reason', maxlength: 200, required: true } })),
      h(
        'label',
        { class: 'check' },
        h('input', { attributes: { name: 'force', type: 'checkbox' } }),
        'End machines that still work when it begins',
      ),
    ],
    act: async (fields) => {
      const [kind = '', ...rest] = (fields.scope ?? '').split(' ');
      const name = rest.join(' ');
      const fromWallMs = parseLocal(fields.from ?? '');
      const toWallMs = parseLocal(fields.to ?? '');
      const { next } = await ask('/v1/downtimes', {
        body: {
          cloud: kind === 'cloud' ? name : null,
          pool: kind === 'pool' ? name : null,
          fromWallMs,
          toWallMs,
          reason: fields.reason ?? '',
          force: fields.force !== undefined,
        },
      });
      toast(next, 'good');
    },
  });
}
