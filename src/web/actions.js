import { ask, keepToken, order } from './client.js';
import { field, openForm, toast } from './dialogs.js';
import { h } from './dom.js';

/**
 * @import { PoolStatus } from '../api/poolStatus.ts'
 * @import { LiveInstance } from '../api/live/frame.ts'
 */

/** @param {string} text */
const segment = (text) => encodeURIComponent(text);

/**
 * Orders one thing, and says what follows.
 * @param {() => Promise<{ readonly next: string }>} work
 * @returns {Promise<void>}
 */
async function act(work) {
  try {
    const { next } = await work();
    toast(`${next.charAt(0).toUpperCase()}${next.slice(1)}${next.endsWith('.') ? '' : '.'}`, 'good');
  } catch (error) {
    toast(error instanceof Error ? error.message : String(error), 'bad');
  }
}

/** @param {PoolStatus} pool */
export function pauseOrResume({ name, paused }) {
  void act(() => order(`/v1/pools/${segment(name)}/${paused ? 'resume' : 'pause'}`));
}

/** @param {PoolStatus} pool */
export function scalePool({ name, min, max, scaled }) {
  /** @param {string} key @param {number} value */
  const bound = (key, value) =>
    h('input', { attributes: { name: key, type: 'number', min: 0, max: 1_000_000, value, required: true } });
  openForm({
    title: `Bounds of pool ${name}`,
    submit: 'Set',
    children: [
      field('At least', bound('min', min)),
      field('At most', bound('max', max)),
      scaled &&
        h(
          'label',
          { class: 'check' },
          h('input', { attributes: { name: 'reset', type: 'checkbox' } }),
          'Back to what the configuration says',
        ),
    ],
    act: async (fields) => {
      const reset = fields.reset !== undefined;
      const body = reset ? { min: null, max: null } : { min: Number(fields.min), max: Number(fields.max) };
      const { next } = await ask(`/v1/pools/${segment(name)}/scale`, { body });
      toast(next, 'good');
    },
  });
}

/** @param {LiveInstance} instance */
export function drainOrUndrain({ id, phase }) {
  return act(() => order(`/v1/instances/${segment(id)}/${phase === 'draining' ? 'undrain' : 'drain'}`));
}

/** @param {LiveInstance} instance */
export function terminate({ id, runningJobs }) {
  openForm({
    title: `End ${id}`,
    submit: 'End it',
    kind: 'danger',
    children: [
      h('p', {}, 'It takes no more jobs, and ends when it has none.'),
      h(
        'label',
        { class: 'check' },
        h('input', { attributes: { name: 'force', type: 'checkbox' } }),
        runningJobs ? `End it now, with the ${runningJobs} it runs` : 'End it now, whatever it runs',
      ),
    ],
    act: async (fields) => {
      const force = fields.force !== undefined;
      const { next } = await ask(`/v1/instances/${segment(id)}/terminate`, { body: { force } });
      toast(next, 'good');
    },
  });
}

/** @param {string} id */
export function endDowntime(id) {
  void act(() => order(`/v1/downtimes/${segment(id)}/end`));
}

/**
 * @param {{ readonly has: boolean, readonly name: string | null, readonly onChange: () => void }} options
 */
export function enterToken({ has, name, onChange }) {
  openForm({
    title: 'Access token',
    submit: 'Use it',
    children: [
      h(
        'p',
        {},
        has && name !== null
          ? `You use the token ${name}.`
          : 'A token shows more, and with the role operate lets you pause pools, drain machines and declare downtimes.',
      ),
      field(
        'Secret',
        h('input', {
          attributes: {
            name: 'secret',
            type: 'password',
            autocomplete: 'off',
            spellcheck: 'false',
            required: !has,
            autofocus: true,
          },
        }),
        'Kept in this tab until it is closed.',
      ),
      has &&
        h(
          'label',
          { class: 'check' },
          h('input', { attributes: { name: 'forget', type: 'checkbox' } }),
          'Forget the token',
        ),
    ],
    act: async (fields) => {
      const secret = (fields.secret ?? '').trim();
      if (fields.forget !== undefined) keepToken(null);
      else if (/^[\x21-\x7e]+$/.test(secret)) {
        await ask('/v1/caller', { secret });
        keepToken(secret);
      } else throw new Error('A token is letters, digits and signs, without blanks.');
      onChange();
    },
  });
}
