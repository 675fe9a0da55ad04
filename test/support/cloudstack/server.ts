import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, json, readBody, send, spoil, type Voice } from '../loopback/answers.ts';
import { type Fault, type Faults, makeFaults } from '../loopback/faults.ts';
import { commands } from './commands.ts';
import { Refusal, refuse } from './refusal.ts';
import { type Params, parseForm, verify } from './verify.ts';
import { isLiving, type Machine, makeWorld, type World } from './world.ts';

/**
 * A loopback server that speaks CloudStack's API, for tests: strict about signatures, expiry and parameters, with levers to make it
 * slow, late, full, limited or broken, and a record of everything it ever did. It boots nothing.
 */
export interface CloudstackStandIn {
  readonly endpoint: string;
  readonly world: World;
  readonly apiKey: string;
  readonly secretKey: string;
  /** Lets the next `times` calls of the command (`*`: any) go wrong. */
  readonly faults: Faults;
  /** Moves the server's clock; only where it was started without one. */
  advance(ms: number): void;
  /** Calls of a command since the start; refused and spoiled ones too. */
  calls(command: string): number;
  /** The calls themselves, oldest first, at most the last 10,000. */
  readonly requests: readonly { readonly command: string; readonly params: Params }[];
  living(): readonly Machine[];
  /** Puts running machines there that no call made; `about` gives the details of the nth, from 0. */
  preload(count: number, about: (n: number) => Readonly<Record<string, string>>): void;
  stop(): Promise<void>;
}

export interface StandInOptions {
  /** The server's clock, epoch ms; without it time stands still but for `advance`. */
  readonly now?: () => number;
  /** Where time stands still, the epoch ms that it stands at. */
  readonly startMs?: number;
}

const requestsMax = 10_000;
const bodyBytesMax = 2 * 1024 * 1024;
/** A longer URL is refused by the web server before the API. */
const urlCharsMax = 8192;

const voiceOf = (command: string): Voice => ({
  ...json,
  contentType: 'application/json;charset=UTF-8',
  refusal: (status, _code, message) =>
    JSON.stringify({
      [`${command.toLowerCase()}response`]: { uuidList: [], errorcode: status, errortext: message },
    }),
});

export async function startCloudstack(options: StandInOptions = {}): Promise<CloudstackStandIn> {
  let manualMs = options.startMs ?? 1_000_000;
  const world = makeWorld(options.now ?? (() => manualMs));
  const faults = makeFaults();
  const requests: { readonly command: string; readonly params: Params }[] = [];
  const counts = new Map<string, number>();
  const { apiKey } = world.stock;
  const secretKey = 'StandInSecretKey_zyxwvutsrqponmlkjihgfedcba9876543210-QRST';
  const keys = new Map([[apiKey, secretKey]]);

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, bodyBytesMax);
    const url = request.url ?? '';
    const text = request.method === 'POST' ? body : url.slice(url.indexOf('?') + 1);
    const params = readForm(text);
    const command = lowerOf(params, 'command') ?? '';
    counts.set(command, (counts.get(command) ?? 0) + 1);
    requests.push({ command, params });
    if (requests.length > requestsMax) requests.shift();
    response.setHeader('date', new Date(world.now()).toUTCString());
    const carriedOut = () => carryOut(world, keys, { command, params, isLongUrl: url.length > urlCharsMax });
    const fault = faults.next(command);
    const voice = voiceOf(command);
    if (fault === undefined) send(response, voice, carriedOut());
    else {
      const repeated = () =>
        `${JSON.stringify(request.headers)} ${text} ${[...params.values()].join(' ')} ${userDataIn(params)}`;
      spoil(response, fault, { voice, carriedOut, repeated });
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    endpoint: `http://127.0.0.1:${port}/client/api`,
    world,
    apiKey,
    secretKey,
    faults,
    requests,
    advance(ms) {
      if (options.now !== undefined) throw new Error('the server has a clock of its own');
      manualMs += ms;
    },
    calls: (command) => counts.get(command) ?? 0,
    living: () => world.machines.filter((machine) => isLiving(world, machine)),
    preload(count, about) {
      for (let n = 0; n < count; n += 1) world.machines.push(preloaded(world, about(n)));
    },
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export type { Fault };

function carryOut(
  world: World,
  keys: ReadonlyMap<string, string>,
  call: { readonly command: string; readonly params: Params; readonly isLongUrl: boolean },
): Answer {
  const { command, params } = call;
  try {
    if (call.isLongUrl)
      return { status: 414, body: '<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>' };
    verify(params, keys, world.now());
    const known = Object.hasOwn(commands, command.toLowerCase())
      ? commands[command.toLowerCase()]
      : undefined;
    if (known === undefined) {
      return refuse(432, `The given command '${command}' either does not exist, is not available for user`);
    }
    if (lowerOf(params, 'response') !== 'json') refuse(431, 'the stand-in speaks JSON only');
    const own = ownParams(params, known.params);
    const body = { [`${command.toLowerCase()}response`]: known.perform(world, own) };
    return { status: 200, body: JSON.stringify(body) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return errorAnswer(command, error.code, error.message);
  }
}

export function errorAnswer(command: string, code: number, text: string): Answer {
  const key = code === 432 || command === '' ? 'errorresponse' : `${command.toLowerCase()}response`;
  const inner = { uuidList: [], errorcode: code, cserrorcode: code === 431 ? 4350 : 9999, errortext: text };
  return { status: code, body: JSON.stringify({ [key]: inner }) };
}

const always = new Set(['command', 'apikey', 'response', 'signature', 'signatureversion', 'expires']);

/** Those that are the command's, by their names in lower case (members of lists as they are), or a refusal. */
function ownParams(params: Params, known: readonly string[]): Params {
  const own = new Map<string, string>();
  for (const [name, value] of params) {
    if (/\p{Cc}/u.test(value)) {
      refuse(
        431,
        `Received value for parameter ${name} is invalid, contains illegal ASCII non-printable characters`,
      );
    }
    const lower = name.toLowerCase();
    if (always.has(lower)) continue;
    const isDetail = /^(details|tags)\[/.test(lower);
    if (!isDetail && !known.includes(lower)) refuse(431, `unknown parameter ${name}`);
    own.set(isDetail ? name : lower, value);
  }
  return own;
}

/** What cannot be read has no parameters, and is refused for the want of credentials. */
function readForm(text: string): Params {
  try {
    return parseForm(text);
  } catch (error) {
    if (error instanceof Refusal) return new Map();
    throw error;
  }
}

function lowerOf(params: Params, wanted: string): string | undefined {
  return [...params].find(([name]) => name.toLowerCase() === wanted)?.[1];
}

function userDataIn(params: Params): string {
  return Buffer.from(params.get('userdata') ?? '', 'base64').toString('utf8');
}

function preloaded(world: World, details: Readonly<Record<string, string>>): Machine {
  const [zone, offering, template] = [
    world.stock.zones[0],
    world.stock.serviceOfferings[0],
    world.stock.templates[0],
  ];
  const id = world.nextId();
  return {
    id,
    name: `preloaded-${world.machines.length}`,
    group: null,
    zone: zone?.id ?? '',
    serviceOffering: offering?.id ?? '',
    template: template?.id ?? '',
    project: null,
    cpus: 2,
    memoryMiB: 4096,
    details: new Map(Object.entries(details)),
    tags: new Map(),
    userData: null,
    // Long ago: older than any lag.
    createdAtMs: Number.NEGATIVE_INFINITY,
    startFault: null,
    bootMs: 0,
    isOff: false,
    end: null,
    job: null,
  };
}
