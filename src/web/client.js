import { createEventReader } from './events.js';
import { later, pause } from './time.js';

/**
 * @import { LiveFrame } from '../api/live/frame.ts'
 * @import { ServerEvent } from './events.js'
 */

/** What the daemon, or the way to it, says no with. */
export class AskError extends Error {
  /**
   * @param {string} code of the API; `unreachable` where there is no answer
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = 'AskError';
    this.code = code;
  }
}

const tokenKey = 'spillway.token';

/** Kept for this tab alone, until it is closed. */
export function token() {
  return sessionStorage.getItem(tokenKey);
}

/** @param {string | null} text null: forgets it */
export function keepToken(text) {
  if (text === null) sessionStorage.removeItem(tokenKey);
  else sessionStorage.setItem(tokenKey, text);
}

/**
 * @param {string | null} secret
 * @returns {Record<string, string>}
 */
function headersWith(secret) {
  return secret === null ? {} : { authorization: `Bearer ${secret}` };
}

/**
 * @param {string} path
 * @param {{ readonly body?: object, readonly secret?: string | null }} [options] with a body, even an empty one, it is a POST
 * @returns {Promise<any>} the answer's document, as docs/openapi.json describes it
 */
export async function ask(path, { body, secret = token() } = {}) {
  const answer = await send(path, {
    headers: {
      ...headersWith(secret),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  return await answer.json();
}

/**
 * @param {string} path
 * @returns {Promise<any>}
 */
export function order(path) {
  return send(path, { method: 'POST', headers: headersWith(token()) }).then((answer) => answer.json());
}

/**
 * @param {string} path
 * @param {RequestInit} init
 * @returns {Promise<Response>} one that is well
 */
async function send(path, init) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(path, { ...init, cache: 'no-store', credentials: 'omit', redirect: 'error' });
  } catch {
    throw new AskError('unreachable', 'the daemon does not answer');
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => null);
  throw new AskError(said?.error?.code ?? 'badAnswer', said?.error?.message ?? `HTTP ${answer.status}`);
}

/**
 * @typedef {object} Follower
 * @property {(event: ServerEvent) => void} onEvent
 * @property {(trouble: AskError | null) => void} onState null: it flows
 */

/** A stream that has been silent for so long is begun anew. */
const silentMs = 20_000;
const againMs = 2_000;
const againMaxMs = 30_000;

/**
 * Follows a stream of events and comes again when it is cut, until the signal is aborted. A token that is refused ends it, too.
 * @param {string} path
 * @param {AbortSignal} signal
 * @param {Follower} follower
 */
export async function follow(path, signal, { onEvent, onState }) {
  let waitMs = againMs;
  while (!signal.aborted) {
    const silence = new AbortController();
    const stop = () => silence.abort();
    signal.addEventListener('abort', stop, { once: true });
    let forget = later(silentMs, stop);
    try {
      const answer = await send(path, { headers: headersWith(token()), signal: silence.signal });
      onState(null);
      const read = createEventReader((event) => {
        waitMs = againMs;
        onEvent(event);
      });
      const decoder = new TextDecoder();
      const reader = answer.body?.getReader();
      for (;;) {
        const piece = await reader?.read();
        if (piece === undefined || piece.done) break;
        forget();
        forget = later(silentMs, stop);
        read(decoder.decode(piece.value, { stream: true }));
      }
      if (!signal.aborted) onState(new AskError('unreachable', 'the connection was cut'));
    } catch (error) {
      if (signal.aborted) return;
      const trouble =
        error instanceof AskError ? error : new AskError('unreachable', 'the connection was cut');
      onState(trouble);
      if (trouble.code === 'unauthorized' || trouble.code === 'forbidden') return;
    } finally {
      forget();
      signal.removeEventListener('abort', stop);
    }
    await pause(waitMs);
    waitMs = Math.min(againMaxMs, waitMs * 1.6);
  }
}
