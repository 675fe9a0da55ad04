import { ask, follow } from './client.js';
import { h, setText } from './dom.js';
import { clock, dateTime } from './format.js';
import { showMachine } from './machines.js';
import { button } from './pieces.js';

/**
 * @import { JournalEntryView } from '../api/journalEntry.ts'
 * @import { Site } from './site.js'
 */

const entriesMax = 500;
const bad = new Set(['anomaly', 'alarm', 'cloudTrouble', 'queueTrouble', 'offerSetAside']);

/** What was decided and why, the newest above; new entries come by themselves. */
export function createJournal() {
  const ended = new AbortController();
  const list = h('ol', { class: 'entries journal' });
  const state = h('p', { class: 'soft', attributes: { role: 'status' } }, 'Asking …');
  const element = h(
    'div',
    { class: 'page' },
    h('section', { class: 'card' }, h('header', {}, h('h2', {}, 'Journal'), state), list),
  );
  /** @type {Site | null} */
  let site = null;

  /** @param {JournalEntryView} entry */
  function item({ wallMs, kind, why, instance, pool, cloud, offer }) {
    const about = [pool, cloud, offer].filter((name) => name !== undefined).join(' · ');
    return h(
      'li',
      { class: bad.has(kind) ? 'bad' : '' },
      h('time', { attributes: { title: dateTime(wallMs) } }, clock(wallMs)),
      h('b', {}, kind),
      h(
        'span',
        {},
        why,
        about !== '' && h('small', { class: 'soft' }, ` ${about}`),
        instance !== undefined && [
          ' ',
          button(instance, () => showMachine(instance, () => site), { kind: 'link' }),
        ],
      ),
    );
  }

  async function begin() {
    const { entries } = await ask('/v1/journal?limit=200');
    list.replaceChildren(...entries.map(item));
    const after = entries[0]?.number ?? 0;
    setText(state, 'live');
    await follow(`/v1/events?afterNumber=${after}`, ended.signal, {
      onEvent: ({ data }) => {
        const entry = JSON.parse(data);
        if (entry?.number === undefined) return;
        list.prepend(item(entry));
        while (list.children.length > entriesMax) list.lastElementChild?.remove();
      },
      onState: (trouble) => setText(state, trouble === null ? 'live' : trouble.message),
    });
  }
  begin().catch((error) => setText(state, error.message));

  return {
    element,
    /** @param {Site} next */
    update: (next) => {
      site = next;
    },
    repaint: () => {},
    remove: () => ended.abort(),
  };
}
