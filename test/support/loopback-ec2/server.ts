import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, readBody, send, spoil, type Voice } from '../loopback/answers.ts';
import { type Fault, makeFaults } from '../loopback/faults.ts';
import { createFleet } from './create-fleet.ts';
import { describeInstances } from './describe-instances.ts';
import {
  describeInstanceTypeOfferings,
  describeKeyPairs,
  describeSecurityGroups,
  describeSubnets,
} from './describe-places.ts';
import { describeSpotInstanceRequests, describeSpotPriceHistory, describeVolumes } from './describe-spot.ts';
import {
  describeAvailabilityZones,
  describeImages,
  describeInstanceAttribute,
  describeInstanceTypes,
  describeLaunchTemplateVersions,
} from './describe-stock.ts';
import { type Params, parseParams } from './query.ts';
import { Refusal } from './refusal.ts';
import { runInstances } from './run-instances.ts';
import { terminateInstances } from './terminate-instances.ts';
import {
  addInstances,
  endInstance,
  isLiving,
  type Levers,
  type LoopbackInstance,
  type LoopbackState,
  type Mutable,
  makeWorld,
  stateAt,
  type World,
  type WorldOptions,
} from './world.ts';
import { answerXml, elements, errorXml, type Xml } from './xml.ts';

/**
 * A loopback server that speaks EC2's Query API, for tests: the actions that the driver uses, with levers to make it
 * slow, late, full, throttled or broken, and a record of everything it ever did. It is strict where EC2 is (unknown
 * parameters, filters, tags). It boots nothing. Signatures are not checked.
 */
export interface LoopbackEc2 {
  readonly endpoint: string;
  readonly region: string;
  /** Turned at any time; they hold from the next call on. */
  readonly levers: Levers;
  /** Lets the next `times` calls of the action (`*`: any) go wrong; Infinity until `clearFaults`. */
  fault(action: string, fault: Fault, times?: number): void;
  clearFaults(): void;
  /** The server's time, in ms. */
  nowMs(): number;
  /** Moves the server's clock; only where it was started without one. */
  advance(ms: number): void;
  /** Calls of an action, or of all, since the start or the last `forgetCalls`; refused and spoiled ones too. */
  calls(action?: string): number;
  /** Calls that change something, or would. */
  writes(): number;
  /** The calls themselves, oldest first, at most the last 10,000. */
  readonly requests: readonly LoopbackRequest[];
  forgetCalls(): void;
  /** Every instance ever made, terminated ones too. */
  readonly instances: readonly LoopbackInstance[];
  state(instance: LoopbackInstance): LoopbackState;
  /** Pending and running ones. */
  living(): readonly LoopbackInstance[];
  /** Puts running instances there that no call made. */
  preload(count: number, about: Preload): readonly LoopbackInstance[];
  /** The cloud ends an instance by itself. */
  kill(id: string, reason?: string): void;
  /** EC2 gives notice that it will take a spot machine back. */
  giveNotice(id: string): void;
  /** Takes an instance out of all views, as if it had never been. */
  vanish(id: string): void;
  /** Open connections, idle ones too. */
  connections(): Promise<number>;
  stop(): Promise<void>;
}

export interface LoopbackRequest {
  readonly action: string;
  readonly params: Params;
  readonly atMs: number;
}

export interface Preload {
  readonly type?: string;
  readonly image?: string;
  readonly spot?: boolean;
  readonly volumes?: LoopbackInstance['volumes'];
  /** Tags and client token of the nth, from 0. */
  mark(n: number): { readonly clientToken: string; readonly tags: Readonly<Record<string, string>> };
}

export interface LoopbackEc2Options extends Omit<WorldOptions, 'now'> {
  /** The server's clock, in ms. Without it time stands still but for `advance`. */
  readonly now?: () => number;
  readonly port?: number;
  /** Calls that are signed with another access key are refused; without it any key will do. */
  readonly accessKeyId?: string | (() => string);
}

const requestsMax = 10_000;
const bodyBytesMax = 1024 * 1024;

/** Long before the server's clock begins: older than any lag. */
const preloadedAtMs = -86_400_000;

const actions: Readonly<Record<string, (world: World, params: Params) => Xml>> = {
  RunInstances: runInstances,
  DescribeInstances: describeInstances,
  TerminateInstances: terminateInstances,
  DescribeInstanceTypes: describeInstanceTypes,
  DescribeImages: describeImages,
  DescribeAvailabilityZones: describeAvailabilityZones,
  DescribeInstanceAttribute: describeInstanceAttribute,
  CreateFleet: createFleet,
  DescribeLaunchTemplateVersions: describeLaunchTemplateVersions,
  DescribeSpotInstanceRequests: describeSpotInstanceRequests,
  DescribeSpotPriceHistory: describeSpotPriceHistory,
  DescribeVolumes: describeVolumes,
  DescribeInstanceTypeOfferings: describeInstanceTypeOfferings,
  DescribeSubnets: describeSubnets,
  DescribeSecurityGroups: describeSecurityGroups,
  DescribeKeyPairs: describeKeyPairs,
  DescribeNetworkInterfaces: () => elements({ networkInterfaceSet: '' }),
};

export async function startLoopbackEc2(options: LoopbackEc2Options = {}): Promise<LoopbackEc2> {
  let manualMs = 0;
  const world = makeWorld({ ...options, now: options.now ?? (() => manualMs) });
  const faults = makeFaults();
  const { accessKeyId } = options;
  const wanted = () => (typeof accessKeyId === 'function' ? accessKeyId() : accessKeyId);
  const stopping = new AbortController();
  const requests: LoopbackRequest[] = [];
  const counts = new Map<string, number>();

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, bodyBytesMax);
    const params = parseParams(body);
    const action = params.get('Action') ?? '';
    counts.set(action, (counts.get(action) ?? 0) + 1);
    requests.push({ action, params, atMs: world.now() });
    if (requests.length > requestsMax) requests.shift();
    const waitMs = world.levers.delayMs[action] ?? world.levers.delayMs['*'] ?? 0;
    if (waitMs > 0) await delay(waitMs, undefined, { signal: stopping.signal });
    const carriedOut = () => {
      if (wanted() !== undefined && accessKeyOf(request) !== wanted()) return denied;
      return carryOut(world, action, params);
    };
    const fault = faults.next(action);
    if (fault === undefined) send(response, voice, carriedOut());
    else
      spoil(response, fault, {
        voice,
        carriedOut,
        repeated: () => `${JSON.stringify(request.headers)} ${body} ${decodeURIComponent(body)}`,
      });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    levers: world.levers,
    requests,
    instances: world.instances,
    fault: (action, fault, times) => faults.set(action, fault, times),
    clearFaults: () => faults.clear(),
    nowMs: world.now,
    advance(ms) {
      if (options.now !== undefined) throw new Error('the server has a clock of its own');
      manualMs += ms;
    },
    calls: (action) =>
      action === undefined ? [...counts.values()].reduce((sum, n) => sum + n, 0) : (counts.get(action) ?? 0),
    writes: () =>
      [...counts].reduce((sum, [action, n]) => (action.startsWith('Describe') ? sum : sum + n), 0),
    forgetCalls() {
      counts.clear();
      requests.length = 0;
    },
    state: (instance) => stateAt(instance, world.now()),
    living: () => world.instances.filter((instance) => isLiving(world, instance)),
    preload: (count, about) => Array.from({ length: count }, (_, n) => preloaded(world, about, n)),
    kill: (id, reason = 'Server.InternalError') => endInstance(world, mustKnow(world, id), reason),
    giveNotice: (id) => {
      mustKnow(world, id).spotStatus = 'marked-for-termination';
    },
    vanish: (id) => {
      mustKnow(world, id).vanished = true;
    },
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      }),
    async stop() {
      stopping.abort();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

let lastRequest = 0;

function carryOut(world: World, action: string, params: Params): Answer {
  lastRequest += 1;
  const requestId = `loopback-${lastRequest}`;
  const perform = Object.hasOwn(actions, action) ? actions[action] : undefined;
  try {
    if (world.levers.denied.includes(action))
      throw new Refusal('UnauthorizedOperation', 'You are not authorized to perform this operation.', 403);
    if (perform === undefined) throw new Refusal('InvalidAction', `The action ${action} is not valid`, 400);
    return { status: 200, body: answerXml(action, requestId, perform(world, params)) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: error.status, body: errorXml(error.code, error.message, requestId) };
  }
}

const voice: Voice = {
  contentType: 'text/xml;charset=UTF-8',
  refusal: (_status, code, message) => errorXml(code, message, 'loopback-fault'),
  empty: '<nothing></nothing>',
  blanksAt: (body) => body.lastIndexOf('</'),
};

const denied: Answer = {
  status: 401,
  body: errorXml(
    'AuthFailure',
    'AWS was not able to validate the provided access credentials',
    'loopback-denied',
  ),
};

function accessKeyOf(request: IncomingMessage): string | undefined {
  return /Credential=([^/]+)\//.exec(request.headers.authorization ?? '')?.[1];
}

function preloaded(world: World, about: Preload, n: number): LoopbackInstance {
  const { clientToken, tags } = about.mark(n);
  const [type = ''] = world.types.keys();
  const [image = ''] = world.images.keys();
  const [made] = addInstances(world, {
    count: 1,
    clientToken,
    image: about.image ?? image,
    type: about.type ?? type,
    zone: world.zones[0] ?? '',
    tags: new Map(Object.entries(tags)),
    volumeTags: new Map(Object.entries(tags)),
    requestTags: new Map(),
    spot: about.spot ?? false,
    volumes: about.volumes ?? [],
    userData: null,
  });
  if (made === undefined) throw new Error('nothing was made');
  made.createdAtMs = preloadedAtMs;
  made.runningAtMs = preloadedAtMs;
  return made;
}

function mustKnow(world: World, id: string): Mutable<LoopbackInstance> {
  const instance = world.byId.get(id);
  if (instance === undefined) throw new Error(`no instance ${id}`);
  return instance;
}
