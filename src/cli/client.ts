import { Client, errors } from 'undici';
import type { z } from 'zod';
import { accountingSchema, reportReceiptSchema } from '../api/schema/accounting.ts';
import { downtimeListSchema, downtimeReceiptSchema } from '../api/schema/downtimes.ts';
import { type ApiErrorCode, errorSchema } from '../api/schema/error.ts';
import { instanceExplanationSchema, jobExplanationSchema } from '../api/schema/explain.ts';
import { changeReceiptSchema, instanceListSchema, launchReceiptSchema } from '../api/schema/instances.ts';
import { journalSchema } from '../api/schema/journal.ts';
import { leaseListSchema, leaseSchema } from '../api/schema/leases.ts';
import { planSchema } from '../api/schema/plan.ts';
import { poolReceiptSchema } from '../api/schema/pools.ts';
import { configurationSchema, reloadReceiptSchema } from '../api/schema/reload.ts';
import { statusSchema } from '../api/schema/status.ts';
import { CliError, type ExitCode, exitCodes } from './exit.ts';
import { type DaemonPlace, describePlace } from './place.ts';
import { EndlessEvent, parseServerEvents, type ServerEvent } from './serverEvents.ts';

export interface ClientLimits {
  readonly connectMs: number;
  /** For the beginning of an answer, and between two pieces of it. */
  readonly answerMs: number;
  readonly answerBytesMax: number;
}

/** Longer than the daemon gives a queue to be asked for a job. */
const defaultLimits: ClientLimits = { connectMs: 5_000, answerMs: 25_000, answerBytesMax: 64 * 2 ** 20 };

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Asks the daemon at a place. Every method throws CliError; what it returns has been checked by the API's schemas. */
export type DaemonClient = ReturnType<typeof connectDaemon>;

export function connectDaemon(place: DaemonPlace, signal: AbortSignal, limits: ClientLimits = defaultLimits) {
  const http = openHttp(place, limits);

  async function ask<T>(
    schema: z.ZodType<T>,
    method: 'GET' | 'POST',
    path: string,
    body?: object,
  ): Promise<T> {
    const { status, text } = await exchange(method, path, body);
    const data = parseJson(text);
    const parsed = status === 200 ? schema.safeParse(data) : null;
    if (parsed?.success === true) return parsed.data;
    throw refusalOf(place, status, data);
  }

  async function exchange(method: 'GET' | 'POST', path: string, body?: object) {
    try {
      const response = await http.request({
        method,
        path,
        signal,
        headers: {
          ...authorizationFor(place),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.statusCode, text: await response.body.text() };
    } catch (error) {
      if (signal.aborted) throw new CliError(exitCodes.interrupted, 'interrupted', 'interrupted');
      throw asCliError(error, place, limits);
    }
  }

  /**
   * The events of a page that has no end, from the one after `lastEventId` on where that is given, until the signal is
   * aborted. On a connection of its own, as it takes one whole.
   */
  async function* events(path: string, lastEventId: string | null = null): AsyncGenerator<ServerEvent> {
    const own = openHttp(place, { ...limits, answerMs: streamSilenceMs, answerBytesMax: -1 });
    try {
      const headers = {
        ...authorizationFor(place),
        ...(lastEventId === null ? {} : { 'last-event-id': lastEventId }),
      };
      const { statusCode, body } = await own.request({ method: 'GET', path, signal, headers });
      if (statusCode !== 200) throw refusalOf(place, statusCode, parseJson(await body.text()));
      yield* parseServerEvents(body);
    } catch (error) {
      if (signal.aborted) throw new CliError(exitCodes.interrupted, 'interrupted', 'interrupted');
      if (error instanceof EndlessEvent) throw refusalOf(place, 200, undefined);
      throw error instanceof CliError ? error : asCliError(error, place, limits);
    } finally {
      await own.destroy();
    }
    throw new CliError(exitCodes.unreachable, 'cut', `${describePlace(place)} has ended the stream`);
  }

  return {
    events,
    status: () => ask(statusSchema, 'GET', '/v1/status'),
    plan: () => ask(planSchema, 'GET', '/v1/plan'),
    instances: (query: Query) => ask(instanceListSchema, 'GET', `/v1/instances${searchOf(query)}`),
    journal: (query: Query) => ask(journalSchema, 'GET', `/v1/journal${searchOf(query)}`),
    explainJob: (id: string) => ask(jobExplanationSchema, 'GET', `/v1/explain/job/${segment(id)}`),
    explainInstance: (id: string) =>
      ask(instanceExplanationSchema, 'GET', `/v1/explain/instance/${segment(id)}`),
    launch: (order: LaunchOrderBody) => ask(launchReceiptSchema, 'POST', '/v1/instances', order),
    drain: (id: string) => ask(changeReceiptSchema, 'POST', `/v1/instances/${segment(id)}/drain`),
    undrain: (id: string) => ask(changeReceiptSchema, 'POST', `/v1/instances/${segment(id)}/undrain`),
    terminate: (id: string, force: boolean) =>
      ask(changeReceiptSchema, 'POST', `/v1/instances/${segment(id)}/terminate`, { force }),
    pausePool: (name: string) => ask(poolReceiptSchema, 'POST', `/v1/pools/${segment(name)}/pause`),
    resumePool: (name: string) => ask(poolReceiptSchema, 'POST', `/v1/pools/${segment(name)}/resume`),
    scalePool: (name: string, bounds: ScaleBody) =>
      ask(poolReceiptSchema, 'POST', `/v1/pools/${segment(name)}/scale`, bounds),
    accounting: (query: Query) => ask(accountingSchema, 'GET', `/v1/accounting${searchOf(query)}`),
    reportUsage: (folder: string | null) =>
      ask(reportReceiptSchema, 'POST', '/v1/accounting/report', { folder }),
    reload: () => ask(reloadReceiptSchema, 'POST', '/v1/reload'),
    configuration: () => ask(configurationSchema, 'GET', '/v1/config'),
    downtimes: () => ask(downtimeListSchema, 'GET', '/v1/downtimes'),
    addDowntime: (body: object) => ask(downtimeReceiptSchema, 'POST', '/v1/downtimes', body),
    endDowntime: (id: string) => ask(downtimeReceiptSchema, 'POST', `/v1/downtimes/${segment(id)}/end`),
    askLease: (body: object) => ask(leaseSchema, 'POST', '/v1/leases', body),
    leases: () => ask(leaseListSchema, 'GET', '/v1/leases'),
    lease: (id: string) => ask(leaseSchema, 'GET', `/v1/leases/${segment(id)}`),
    leaseAfter: (id: string, query: { readonly from: string; readonly waitMs: number }) =>
      ask(leaseSchema, 'GET', `/v1/leases/${segment(id)}${searchOf(query)}`),
    renewLease: (id: string) => ask(leaseSchema, 'POST', `/v1/leases/${segment(id)}/renew`),
    returnLease: (id: string) => ask(leaseSchema, 'POST', `/v1/leases/${segment(id)}/return`),
    close: () => http.destroy(),
  };
}

/** Every stream of the API says something more often than that. */
const streamSilenceMs = 60_000;

function openHttp(place: DaemonPlace, limits: ClientLimits): Client {
  return new Client(place.kind === 'socket' ? 'http://spillway' : place.origin, {
    ...(place.kind === 'socket' ? { socketPath: place.path } : {}),
    ...(place.kind === 'network' && place.ca !== null ? { connect: { ca: place.ca } } : {}),
    connectTimeout: limits.connectMs,
    headersTimeout: limits.answerMs,
    bodyTimeout: limits.answerMs,
    maxResponseSize: limits.answerBytesMax,
  });
}

function authorizationFor(place: DaemonPlace): Readonly<Record<string, string>> {
  return place.kind === 'network' ? { authorization: `Bearer ${place.token.text()}` } : {};
}

/** Why an answer is not what was asked for: in the daemon's words where it is an error of the API. */
function refusalOf(place: DaemonPlace, status: number, data: unknown): CliError {
  const parsed = status === 200 ? null : errorSchema.safeParse(data);
  if (parsed?.success === true) {
    const { code, message, reason } = parsed.data.error;
    return new CliError(exitCodeOf[code], code, message, reason);
  }
  const where = describePlace(place);
  const what = `what answers at ${where} is no spillway daemon of this version (HTTP ${status})`;
  return new CliError(exitCodes.failed, 'badAnswer', what);
}

export interface LaunchOrderBody {
  readonly pool: string;
  readonly offer: string | null;
  readonly count: number;
  readonly note: string | null;
}

/** A number sets a bound, null gives it back to the config, and one that is absent stays as it is. */
export interface ScaleBody {
  readonly min?: number | null;
  readonly max?: number | null;
}

/** A path segment, whatever the text: `.` and `..` are no steps here, as undici sends the path as it is given. */
function segment(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

export function searchOf(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no schema takes it: reported as a bad answer
  }
}

const exitCodeOf = {
  unknownPool: exitCodes.notFound,
  unknownOffer: exitCodes.notFound,
  unknownInstance: exitCodes.notFound,
  unknownJob: exitCodes.notFound,
  unknownCloud: exitCodes.notFound,
  unknownDowntime: exitCodes.notFound,
  unknownLease: exitCodes.notFound,
  leaseOver: exitCodes.failed,
  tooManyLeases: exitCodes.failed,
  unauthorized: exitCodes.failed,
  forbidden: exitCodes.failed,
  tooManyRequests: exitCodes.notReady,
  notFound: exitCodes.notFound,
  invalid: exitCodes.usage,
  tooLarge: exitCodes.usage,
  methodNotAllowed: exitCodes.usage,
  notReady: exitCodes.notReady,
  refused: exitCodes.failed,
  timeout: exitCodes.failed,
  queueTrouble: exitCodes.failed,
  storeTrouble: exitCodes.failed,
  internal: exitCodes.failed,
} as const satisfies Record<ApiErrorCode, ExitCode>;

/** What OpenSSL says of a certificate that it does not trust. */
const untrusted = /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_SSL_)/;

function asCliError(error: unknown, place: DaemonPlace, limits: ClientLimits): CliError {
  const where = describePlace(place);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EACCES' || code === 'EPERM') {
    const text = `no permission to use ${where}: its group is who may (see ls -l)`;
    return new CliError(exitCodes.unreachable, 'denied', text);
  }
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    const text = `the daemon at ${where} gave no answer in ${limits.answerMs / 1000} s`;
    return new CliError(exitCodes.unreachable, 'timeout', text);
  }
  if (error instanceof errors.ResponseExceededMaxSizeError) {
    const text = `the answer from ${where} is longer than ${limits.answerBytesMax} bytes; ask for less with --limit`;
    return new CliError(exitCodes.failed, 'badAnswer', text);
  }
  if (place.kind === 'network' && untrusted.test(code)) {
    const text = `${where} is not trusted (${code}): --ca names the authority of its certificate`;
    return new CliError(exitCodes.failed, 'untrusted', text);
  }
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET') {
    const text = `the connection to ${where} was cut before the answer came`;
    return new CliError(exitCodes.unreachable, 'cut', text);
  }
  const why = code === 'ENOENT' ? 'no such socket' : code === 'ECONNREFUSED' ? 'nobody listens' : code;
  const text = `no daemon answers at ${where} (${why}): is it running? start: spillway run CONFIG`;
  return new CliError(exitCodes.unreachable, 'unreachable', text);
}
