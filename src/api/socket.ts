import { chmod, chown, lstat, mkdir, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';

/**
 * A unix socket's file is the API's lock on the door: who may write to it may use the API. It must therefore
 * never stand there with other permissions than it will have, not even between bind and chmod. So the server is
 * bound in a folder of ours that nobody else can enter, gets its permissions there, and is renamed into place;
 * a stale file of a dead daemon is replaced by the same rename.
 */

/** What sockaddr_un holds on Linux, without the closing zero byte. */
const pathBytesMax = 107;

/**
 * live: another daemon answers there. notSocket: a file of another kind is there. tooLong: no unix socket has
 * such a long path. denied: its folder or the file may not be used. failed: the file system says no otherwise.
 */
export type SocketErrorCode = 'live' | 'notSocket' | 'tooLong' | 'denied' | 'failed';

export class SocketError extends Error {
  readonly code: SocketErrorCode;

  constructor(code: SocketErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SocketError';
    this.code = code;
  }
}

export interface SocketPermissions {
  readonly mode: number;
  /** Group of the file; null: the process's own, or the folder's. */
  readonly group: number | null;
  /** Of folders on the way that have to be made. */
  readonly folderMode: number;
}

/** For who may do everything. */
const ownerAndGroup: SocketPermissions = { mode: 0o660, group: null, folderMode: 0o750 };

export interface BoundSocket {
  /** Removes the file, unless it is another daemon's by now. */
  remove(): Promise<void>;
}

/** `listen` binds the server to the path that it is given. Throws SocketError. */
export async function bindSocket(
  path: string,
  listen: (bindPath: string) => Promise<void>,
  permissions: SocketPermissions = ownerAndGroup,
): Promise<BoundSocket> {
  refuseLong(path);
  try {
    await refuseTaken(path);
    return await bindAside(path, listen, permissions);
  } catch (error) {
    if (error instanceof SocketError) throw error;
    const code = errnoOf(error);
    const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
    const text = `cannot make the socket ${path}: ${code ?? String(error)}`;
    throw new SocketError(denied ? 'denied' : 'failed', text, { cause: error });
  }
}

async function bindAside(
  path: string,
  listen: (bindPath: string) => Promise<void>,
  { mode, group, folderMode }: SocketPermissions,
): Promise<BoundSocket> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: folderMode });
  const aside = await mkdtemp(join(folder, '.s')); // mode 0700
  try {
    const bindPath = join(aside, 's');
    refuseLong(bindPath);
    await listen(bindPath);
    if (group !== null) await chown(bindPath, -1, group);
    await chmod(bindPath, mode);
    const { ino, dev } = await lstat(bindPath);
    await rename(bindPath, path);
    return {
      remove: async () => {
        const now = await lstatOrNull(path);
        if (now !== null && now.ino === ino && now.dev === dev) await unlink(path);
      },
    };
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** Returns where nothing is there, or the socket of a daemon that is dead. */
async function refuseTaken(path: string): Promise<void> {
  const found = await lstatOrNull(path);
  if (found === null) return;
  if (!found.isSocket()) {
    throw new SocketError('notSocket', `${path} exists and is no socket: it is left alone`);
  }
  if (await answers(path)) {
    throw new SocketError('live', `another daemon answers at ${path}`);
  }
}

/** Connects and hangs up. A refused connection means that no process has the socket open any more. */
async function answers(path: string): Promise<boolean> {
  const outcome = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once('connect', () => outcome.resolve(true));
  socket.once('error', (error) => {
    const code = errnoOf(error);
    if (code === 'ECONNREFUSED' || code === 'ENOENT') outcome.resolve(false);
    // A full backlog: somebody has it open.
    else if (code === 'EAGAIN') outcome.resolve(true);
    else outcome.reject(error);
  });
  try {
    return await outcome.promise;
  } finally {
    socket.destroy();
  }
}

async function lstatOrNull(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function refuseLong(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > pathBytesMax) {
    const text = `the socket path has ${bytes} bytes, at most ${pathBytesMax} are possible: ${path}`;
    throw new SocketError('tooLong', text);
  }
}

function errnoOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
