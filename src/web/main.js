import { enterToken } from './actions.js';
import { ask, follow, token } from './client.js';
import { byId, h, renderOnce, setAttribute, setText } from './dom.js';
import { createDowntimes } from './downtimes.js';
import { counted, money, span } from './format.js';
import { createJobs } from './jobs.js';
import { createJournal } from './journal.js';
import { createMachines } from './machines.js';
import { createOverview } from './overview.js';
import { applyFrame, emptySite } from './site.js';
import { measureSince, monotonicNow } from './time.js';

/**
 * @import { StatusView } from '../api/control.ts'
 * @import { AskError } from './client.js'
 * @import { Site } from './site.js'
 */

/**
 * One page of the site's pages, which shows what it is handed.
 * @typedef {object} Page
 * @property {HTMLElement} element
 * @property {(site: Site) => void} update
 * @property {() => void} repaint
 * @property {() => void} remove
 */

/** @type {Readonly<Record<string, (asked: URLSearchParams) => Page>>} */
const pages = {
  overview: createOverview,
  machines: createMachines,
  jobs: createJobs,
  journal: createJournal,
  downtimes: createDowntimes,
};

const site = emptySite();
/** @type {Page | null} */
let page = null;
let following = new AbortController();

function showPage() {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const name = path in pages ? path : 'overview';
  page?.remove();
  page = pages[name]?.(new URLSearchParams(query)) ?? null;
  for (const link of document.querySelectorAll('nav a'))
    setAttribute(link, 'aria-current', link.getAttribute('data-page') === name ? 'page' : null);
  if (site.status !== null) putPage();
}

function putPage() {
  if (page === null) return;
  if (page.element.parentElement === null) byId('main').replaceChildren(page.element);
  page.update(site);
}

let asked = false;

/** Frames that come faster than the screen, or while nobody looks, are drawn as one. */
function draw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    drawNow();
  });
}

function drawNow() {
  const { status } = site;
  if (status === null) return;
  setText(byId('site'), status.site);
  document.title = `${status.site} · Spillway`;
  const notices = [
    ...(status.mode === 'running' ? [] : [{ kind: 'warn', text: `The daemon is ${status.mode}.` }]),
    ...(status.observe === null ? [] : [{ kind: 'info', text: observeText(status.observe) }]),
    ...status.alarms.map(({ why, sinceMs }) => ({
      kind: 'bad',
      text: `Alarm for ${span(Math.floor((status.nowMs - sinceMs) / 60_000) * 60_000)}: ${why}`,
    })),
    ...status.downtimes
      .filter(({ stage }) => stage !== 'planned')
      .map(({ reason, cloud, pool }) => ({
        kind: 'warn',
        text: `Downtime of ${cloud ?? pool ?? 'the site'}: ${reason}`,
      })),
  ];
  renderOnce(byId('notices'), notices, (list) =>
    list.map(({ kind, text }) =>
      h('p', { class: `notice ${kind}`, attributes: { role: kind === 'bad' ? 'alert' : 'status' } }, text),
    ),
  );
  putPage();
  measureSince('spillway frame', framedAtMs);
}

/** @param {NonNullable<StatusView['observe']>} view */
function observeText({ site: whole, clouds, pools, booted, cost }) {
  const named = [...clouds.map((name) => `cloud ${name}`), ...pools.map((name) => `pool ${name}`)];
  const sums = cost.map(
    ({ currency, soFar, perHour }) => `${money(soFar, currency)} so far, ${money(perHour, currency)} an hour`,
  );
  return [
    `Only observed: ${whole ? 'the site' : named.join(', ')}. Nothing is done there;`,
    `${counted(booted, 'machine')} would have been booted${sums.length === 0 ? '' : ` for ${sums.join(' and ')}`}.`,
  ].join(' ');
}

let framedAtMs = 0;

/** @param {AskError | null} trouble */
function showState(trouble) {
  setAttribute(byId('live'), 'class', trouble === null ? 'live' : 'live broken');
  setText(
    byId('live-text'),
    trouble === null ? 'live' : trouble.code === 'unauthorized' ? 'no access' : 'reconnecting',
  );
  if (trouble?.code === 'unauthorized' || trouble?.code === 'forbidden') {
    site.status = null;
    site.instances.clear();
    byId('main').replaceChildren(
      h(
        'section',
        { class: 'card welcome' },
        h('h2', {}, 'This site asks for a token'),
        h(
          'p',
          {},
          'What you may see depends on it. The farm’s operators have one for you; they are named in the daemon’s configuration, under api.tokens.',
        ),
        h(
          'button',
          { class: 'primary', attributes: { type: 'button' }, on: { click: openToken } },
          'Enter a token',
        ),
      ),
    );
  }
}

/** Begins anew as whoever has the token that is there now. */
function connect() {
  following.abort();
  following = new AbortController();
  site.caller = null;
  ask('/v1/caller').then(
    (caller) => {
      site.caller = caller;
      setText(byId('token'), caller.name ?? 'Token');
      setAttribute(byId('token'), 'title', `role ${caller.role}`);
      draw();
    },
    () => setText(byId('token'), 'Token'),
  );
  void follow('/v1/stream', following.signal, {
    onEvent: ({ name, data }) => {
      if (name !== 'frame') return;
      framedAtMs = monotonicNow();
      applyFrame(site, JSON.parse(data));
      draw();
    },
    onState: showState,
  });
}

function openToken() {
  enterToken({ has: token() !== null, name: site.caller?.name ?? null, onChange: connect });
}

const themes = ['auto', 'light', 'dark'];
const themeKey = 'spillway.theme';

/** @param {string} theme */
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  setText(byId('theme'), theme === 'light' ? '☀' : theme === 'dark' ? '☾' : '◐');
  setAttribute(byId('theme'), 'title', `Colours: ${theme}`);
  page?.repaint();
}

byId('theme').addEventListener('click', () => {
  const now = document.documentElement.dataset.theme ?? 'auto';
  const next = themes[(themes.indexOf(now) + 1) % themes.length] ?? 'auto';
  localStorage.setItem(themeKey, next);
  setTheme(next);
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => page?.repaint());
byId('token').addEventListener('click', openToken);
addEventListener('hashchange', showPage);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) draw();
});

setTheme(localStorage.getItem(themeKey) ?? 'auto');
showPage();
connect();
