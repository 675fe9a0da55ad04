import { resolve } from 'node:path';
import { readText, secretReader } from '../config/files.ts';
import { parseSecretRef, Secret } from '../config/secrets.ts';
import type { CliDeps } from './deps.ts';
import { CliError, exitCodes } from './exit.ts';

export const defaultSocket = '/run/spillway/spillway.sock';
/** Where everybody may ask why a job waits, on a site that lets them. */
export const defaultUserSocket = '/run/spillway/user.sock';

/** Where a daemon is asked, and with what. */
export type DaemonPlace =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'network';
      /** `https://host:port`. */
      readonly origin: string;
      readonly isThisHost: boolean;
      readonly token: Secret;
      /** PEM of the authority that vouches for the daemon; null: those that Node trusts. */
      readonly ca: string | null;
    };

export interface PlaceOptions {
  readonly socket?: string;
  readonly url?: string;
  readonly token?: string;
  readonly ca?: string;
}

const caBytesMax = 1024 * 1024;

/** What the options say, else the environment; an option of either kind goes before the environment's of both. Throws CliError. */
export async function placeOf(deps: CliDeps, options: PlaceOptions): Promise<DaemonPlace> {
  const { env } = deps;
  const url = options.url ?? (options.socket === undefined ? given(env.SPILLWAY_URL) : undefined);
  if (url === undefined)
    return { kind: 'socket', path: options.socket ?? given(env.SPILLWAY_SOCKET) ?? defaultSocket };
  const { origin, isThisHost } = originOf(url);
  const token = await readToken(deps, options);
  const ca = options.ca ?? given(env.SPILLWAY_CA);
  return { kind: 'network', origin, isThisHost, token, ca: ca === undefined ? null : await readCa(deps, ca) };
}

/** Whether somebody has said where the daemon is. */
export function namesPlace({ env }: Pick<CliDeps, 'env'>, { socket, url }: PlaceOptions): boolean {
  return [socket, url, env.SPILLWAY_SOCKET, env.SPILLWAY_URL].some((text) => given(text) !== undefined);
}

/** The options that name the same place to another process. */
export function placeArgs(place: DaemonPlace, options: PlaceOptions): readonly string[] {
  if (place.kind === 'socket') return ['--socket', place.path];
  const names = ['url', 'token', 'ca'] as const;
  return names.flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [`--${name}`, value];
  });
}

export function describePlace(place: DaemonPlace): string {
  return place.kind === 'socket' ? place.path : place.origin;
}

function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** The token is sent to nobody who could be listened to on the way. */
function originOf(text: string): { readonly origin: string; readonly isThisHost: boolean } {
  const url = URL.canParse(text) ? new URL(text) : null;
  const bare =
    url !== null && (url.pathname === '/' || url.pathname === '') && url.search === '' && url.hash === '';
  if (url === null || !bare || url.username !== '' || url.password !== '')
    throw wrong(`${JSON.stringify(text)} is no URL of a daemon: https://HOST:PORT`);
  const isThisHost = url.hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isThisHost))
    return { origin: url.origin, isThisHost };
  throw wrong(`${text}: only https; plain http to an address of this host (127.0.0.1, [::1]) alone`);
}

async function readToken({ env, files, cwd, stderr }: CliDeps, options: PlaceOptions): Promise<Secret> {
  const fromEnv = given(env.SPILLWAY_TOKEN_FILE);
  const text = options.token ?? (fromEnv === undefined ? undefined : `file:${fromEnv}`);
  if (text === undefined)
    throw wrong('a daemon on the network asks for a token: --token file:PATH, or SPILLWAY_TOKEN_FILE');
  const ref = parseSecretRef(text);
  if ('wrong' in ref) throw wrong(`--token: ${ref.wrong}`);
  const token = new Secret(ref);
  const besides = resolve(cwd, 'here'); // paths are relative to this file's folder
  const finding = await token.read(secretReader(files, (name) => env[name], besides));
  if (finding?.severity === 'error') throw wrong(`--token: ${finding.message}`);
  if (finding !== null) stderr.write(`spillway: warning: ${finding.message}\n`);
  if (!/^[\x21-\x7e]+$/.test(token.text())) throw wrong('--token: the file holds no token');
  return token;
}

async function readCa({ files, cwd }: CliDeps, path: string): Promise<string> {
  const read = await readText(files, resolve(cwd, path), caBytesMax);
  if ('wrong' in read) throw wrong(`--ca: the file ${path} ${read.wrong}`);
  return read.text;
}

function wrong(message: string): CliError {
  return new CliError(exitCodes.usage, 'invalid', message);
}
