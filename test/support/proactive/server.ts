import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json, readBody, send, spoil, type Voice } from '../loopback/answers.ts';
import type { Fault } from '../loopback/faults.ts';
import { type Asked, type Given, Refused, routes } from './routes.ts';
import { makeWorld, type World } from './world.ts';

/**
 * A loopback server that speaks ProActive's REST interface, for tests: strict about sessions, each half with its own; with
 * levers to break it. Its jobs and nodes outlive a restart, its sessions do not. It runs no task by itself.
 */
export interface ProactiveStandIn {
  /** With `/rest` at its end. */
  readonly url: string;
  readonly world: World;
  readonly username: string;
  readonly password: string;
  /** Sessions that have been given out: they are secrets. */
  readonly sessions: readonly string[];
  /** Requests so far: `GET /rm/state`, with `*` for what differs. */
  readonly requests: readonly string[];
  /** What each request of the half meets from now on; null: nothing. Log-ins meet nothing. */
  fault(half: 'scheduler' | 'rm', fault: Fault | Spoil | null): void;
  /** Resolves when a fault has been met once more. */
  struck(): Promise<void>;
  /**
   * Asked before a request is carried out, and again before it is answered: true cuts the connection there. Null: nobody is asked.
   */
  cutAt(whether: ((route: string, moment: 'halfSent' | 'unanswered') => boolean) | null): void;
  /** Forgets all sessions. */
  restart(): void;
  stop(): Promise<void>;
}

/** What becomes of the right answer; `held`: it waits until the fault is taken back. */
export type Spoil =
  | { readonly kind: 'held' }
  | { readonly kind: 'changed'; readonly change: (route: string, body: string) => string };

const bodyBytesMax = 1024 * 1024;

const voice: Voice = {
  ...json,
  contentType: 'application/json',
  refusal: (status, code, message) => errorBody(status, code, message),
};

function errorBody(httpErrorCode: number, exceptionClass: string, errorMessage: string): string {
  const exception = {
    cause: null,
    stackTrace: [],
    message: errorMessage,
    suppressed: [],
    localizedMessage: errorMessage,
  };
  return JSON.stringify({
    httpErrorCode,
    errorMessage,
    stackTrace: `${exceptionClass}: …`,
    exception,
    exceptionClass,
  });
}

export async function startProactive(
  options: { readonly now?: () => number } = {},
): Promise<ProactiveStandIn> {
  const world = makeWorld(options.now ?? (() => 1_700_000_000_000));
  const username = 'spillway';
  const password = 'pa55-with/odd=chars&more';
  const sessions: string[] = [];
  const valid = { scheduler: new Set<string>(), rm: new Set<string>() };
  const requests: string[] = [];
  const faults = new Map<string, Fault | Spoil>();
  let waiters: (() => void)[] = [];
  let held: (() => void)[] = [];
  let cut: ((route: string, moment: 'halfSent' | 'unanswered') => boolean) | null = null;

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  function route(
    path: string,
  ): { readonly name: string; readonly run: (asked: Asked) => Given; readonly parts: string[] } | null {
    for (const [name, run] of routes) {
      const pattern = name.split(' ').map((part) => part.split('/'));
      const asked = path.split(' ').map((part) => part.split('/'));
      const [method, own = []] = pattern;
      const [askedMethod, other = []] = asked;
      if (String(method) !== String(askedMethod) || own.length !== other.length) continue;
      if (own.every((part, at) => part === '*' || part === other[at]))
        return { name, run, parts: other.filter((_, at) => own[at] === '*').map(decodeURIComponent) };
    }
    return null;
  }

  function login(half: 'scheduler' | 'rm', form: URLSearchParams): Given {
    if (form.get('username') !== username || form.get('password') !== password)
      throw new Refused(404, 'javax.security.auth.login.LoginException', 'Authentication failed');
    const id = `00017${half}${sessions.length}f3a9c1e7b2d4860f`;
    sessions.push(id);
    valid[half].add(id);
    return { text: id, type: 'text/plain' };
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, bodyBytesMax);
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const path = url.pathname.replace(/^\/rest/, '');
    const half = path.startsWith('/rm/') ? 'rm' : 'scheduler';
    const called = `${request.method} ${path}`;
    const found = route(called);
    requests.push(found?.name ?? called);
    const form = new URLSearchParams(body);
    const header = (name: string) => {
      const value = request.headers[name];
      return typeof value === 'string' ? value : null;
    };
    const session = header('sessionid') ?? '';
    const carriedOut = () => {
      try {
        const given = ((): Given => {
          if (called === `POST /${half}/login`) return login(half, form);
          if (!valid[half].has(session))
            throw new Refused(
              401,
              'org.ow2.proactive_grid_cloud_portal.scheduler.exception.NotConnectedRestException',
              'You are not connected to the server, please log on',
            );
          if (path === `/${half}/disconnect`) {
            valid[half].delete(session);
            return { text: '', type: 'text/plain' };
          }
          if (found === null)
            throw new Refused(404, 'javax.ws.rs.NotFoundException', `Could not find resource for ${path}`);
          return found.run({ world, query: url.searchParams, form, header, parts: found.parts });
        })();
        return { status: 200, body: given.text, type: given.type };
      } catch (thrown) {
        if (!(thrown instanceof Refused)) throw thrown;
        return {
          status: thrown.status,
          body: errorBody(thrown.status, thrown.exceptionClass, thrown.message),
          type: 'application/json',
        };
      }
    };
    const fault = path.endsWith('/login') ? undefined : faults.get(half);
    if (fault !== undefined) {
      for (const wake of waiters.splice(0)) wake();
      if (fault.kind === 'held') await new Promise<void>((resolve) => held.push(resolve));
      else if (fault.kind !== 'changed') {
        spoil(response, fault, { voice, carriedOut, repeated: () => `${called} ${session} ${body}` });
        return;
      }
    }
    const asked = found?.name ?? called;
    if (cut?.(asked, 'halfSent') === true) {
      response.destroy();
      return;
    }
    const given = carriedOut();
    if (cut?.(asked, 'unanswered') === true) {
      response.destroy();
      return;
    }
    const text =
      fault?.kind === 'changed' && given.status === 200
        ? fault.change(found?.name ?? called, given.body)
        : given.body;
    send(response, { ...voice, contentType: given.type }, { status: given.status, body: text });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/rest`,
    world,
    username,
    password,
    sessions,
    requests,
    fault: (half, fault) => {
      if (fault === null) faults.delete(half);
      else faults.set(half, fault);
      for (const go of held.splice(0)) go();
      held = [];
    },
    cutAt: (whether) => {
      cut = whether;
    },
    struck: () => new Promise((resolve) => waiters.push(resolve)),
    restart: () => {
      valid.scheduler.clear();
      valid.rm.clear();
      waiters = [];
    },
    stop: async () => {
      for (const go of held.splice(0)) go();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
