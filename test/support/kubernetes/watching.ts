import type { ServerResponse } from 'node:http';
import { statusBody } from './refusal.ts';
import { exists, type FakePod, type Json, podBody, type World } from './world.ts';

interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly pod: FakePod;
  readonly body: Json;
}

interface Open {
  readonly response: ServerResponse;
  readonly fits: (pod: FakePod) => boolean;
  /** The version up to which it has been told. */
  at: number;
}

/** What tests do to watches. */
export interface Watching {
  /** Watches that are open. */
  readonly open: number;
  /** Each tells where it has come to. */
  bookmark(): void;
  /** As when the watches' time is over. */
  end(): void;
  cut(): void;
  /** Open watches, and later ones, say nothing any more, until `wake`. */
  stall(): void;
  wake(): void;
  /** The store forgets what has happened. */
  compact(): void;
  /** In the place of an event. */
  say(text: string): void;
}

export interface Watches extends Watching {
  /** Gives what has changed since the last look a version. To be called before a list is read. */
  settle(): void;
  begin(
    response: ServerResponse,
    asked: { readonly version: number; readonly seconds: number; readonly fits: Open['fits'] },
  ): void;
}

/** The world changes with time and by tests' hands, without a word: it is looked at so often while somebody watches. */
const lookEveryMs = 10;

/** The watches of a server, with what has happened there. */
export function makeWatches(world: World): Watches {
  const last = new Map<FakePod, string>();
  const open = new Set<Open>();
  let history: Change[] = [];
  let oldest = 0;
  let isStalled = false;

  function settle(): void {
    for (const pod of world.pods) {
      const before = last.get(pod);
      const there = exists(world, pod);
      const text = JSON.stringify(podBody(world, pod));
      if (there ? text === before : before === undefined) continue;
      world.version += 1;
      const plain = JSON.parse(text) as { readonly metadata: Json };
      const body = { ...plain, metadata: { ...plain.metadata, resourceVersion: String(world.version) } };
      const type = there ? (before === undefined ? 'ADDED' : 'MODIFIED') : 'DELETED';
      history.push({ version: world.version, type, pod, body });
      if (there) last.set(pod, text);
      else last.delete(pod);
    }
  }

  const write = ({ response }: Open, event: unknown) => response.write(`${JSON.stringify(event)}\n`);

  function tell(): void {
    settle();
    if (isStalled) return;
    for (const one of open) {
      for (const { version, type, pod, body } of history)
        if (version > one.at && one.fits(pod)) write(one, { type, object: body });
      one.at = Math.max(one.at, world.version);
    }
  }

  const mark = (one: Open) =>
    write(one, {
      type: 'BOOKMARK',
      object: {
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: { resourceVersion: String(one.at) },
        spec: { containers: null },
        status: {},
      },
    });

  function finish(one: Open): void {
    mark(one);
    one.response.end();
  }

  return {
    get open() {
      return open.size;
    },
    settle,
    begin(response, { version, seconds, fits }) {
      settle();
      response.writeHead(200, { 'content-type': 'application/json' });
      if (version < oldest) {
        const object = statusBody(410, 'Expired', `too old resource version: ${version} (${oldest})`);
        response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
        return;
      }
      response.flushHeaders();
      const one: Open = { response, fits, at: version };
      open.add(one);
      const looks = setInterval(tell, lookEveryMs);
      const over = setTimeout(() => finish(one), seconds * 1000);
      response.once('close', () => {
        clearInterval(looks);
        clearTimeout(over);
        open.delete(one);
      });
      tell();
    },
    bookmark: () => open.forEach(mark),
    end() {
      tell();
      open.forEach(finish);
    },
    cut: () => {
      for (const { response } of open) response.destroy();
    },
    stall() {
      isStalled = true;
    },
    wake() {
      isStalled = false;
    },
    compact() {
      settle();
      history = [];
      world.version += 1;
      oldest = world.version;
    },
    say(text) {
      for (const { response } of open) response.write(text);
    },
  };
}
