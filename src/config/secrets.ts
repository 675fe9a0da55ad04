import { inspect } from 'node:util';
import { z } from 'zod';

/**
 * Secrets are never in the config: a field holds a reference, `file:PATH` or `env:NAME`, and the program holds a
 * `Secret`, which shows itself to nobody but the one who calls `reveal`.
 *
 * A driver or an adapter uses `secret` in its `configSchema` and gets a `Secret` after parsing. Parsing is pure and
 * reads nothing. The loader then walks what the schemas returned and reads every `Secret` in it through a
 * `SecretReader`, so that a missing file is an error of `check` and not of the first launch. What a schema returns must
 * therefore hold its secrets in plain objects and arrays.
 */

export type SecretRef =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string };

/** Where secrets are read from; handed in. */
export interface SecretReader {
  /** The file's bytes and permission bits; throws with a `code` as node:fs does. Relative paths are the config file's. */
  file(path: string): Promise<{ readonly bytes: Buffer; readonly mode: number }>;
  /** An environment variable; undefined if it is not set. */
  env(name: string): string | undefined;
}

/** A signing key or a password is small: more is the wrong file. */
export const secretBytesMax = 64 * 1024;

/** A reference to a secret and, once it has been read, the secret. Prints as `[secret]` wherever it may turn up. */
export class Secret {
  readonly ref: SecretRef;
  /** Its file is read with the config's secrets and is none: anybody may read it. */
  readonly isOpen: boolean;
  #bytes: Buffer | null = null;

  constructor(ref: SecretRef, { isOpen = false }: { readonly isOpen?: boolean } = {}) {
    this.ref = ref;
    this.isOpen = isOpen;
  }

  /** A secret that has been read already: for tests and for what is minted here. */
  static of(bytes: Buffer | string): Secret {
    const made = new Secret({ kind: 'env', name: 'none' });
    made.#bytes = Buffer.from(bytes);
    return made;
  }

  get isRead(): boolean {
    return this.#bytes !== null;
  }

  /** The bytes as they are in the file. Throws if the loader has not read it. */
  reveal(): Buffer {
    if (this.#bytes === null) throw new Error(`the secret ${describeRef(this.ref)} has not been read`);
    return this.#bytes;
  }

  /** As UTF-8 text without the line end that an editor leaves. */
  text(): string {
    return this.reveal()
      .toString('utf8')
      .replace(/\r?\n$/, '');
  }

  /** True if both have been read and are the same: what a reload asks. */
  equals(other: Secret): boolean {
    return this.#bytes !== null && other.#bytes !== null && this.#bytes.equals(other.#bytes);
  }

  /** Reads it, once. Returns what is wrong, and for a warning goes on. */
  async read(reader: SecretReader): Promise<SecretFinding | null> {
    const found =
      this.ref.kind === 'file'
        ? await fromFile(this.ref.path, reader, this.isOpen)
        : fromEnv(this.ref.name, reader);
    if ('bytes' in found) this.#bytes = found.bytes;
    return found.finding ?? null;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

export interface SecretFinding {
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

type Found =
  | { readonly bytes: Buffer; readonly finding?: SecretFinding }
  | { readonly finding: SecretFinding };

const refHint = 'file:PATH or env:NAME';
const literalRefused = 'a secret is not written here; put it into a file and say file:PATH (or env:NAME)';

/** What is wrong never quotes the text: it may be the secret. */
export function parseSecretRef(text: string): SecretRef | { readonly wrong: string } {
  const [, scheme, rest = ''] = /^(file|env):(.*)$/s.exec(text) ?? [];
  if (scheme === undefined) {
    return { wrong: literalRefused };
  }
  if (rest === '' || rest.includes('\0') || rest.includes('\n')) return { wrong: `expected ${refHint}` };
  if (scheme === 'file') return { kind: 'file', path: rest };
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(rest))
    return { wrong: `not the name of an environment variable; ${refHint}` };
  return { kind: 'env', name: rest };
}

/** For config schemas: `file:PATH` or `env:NAME` → `Secret`. */
export const secret = z
  .string({ error: ({ input }) => (input === undefined ? undefined : literalRefused) })
  .transform((text, context): Secret => {
    const ref = parseSecretRef(text);
    if (!('wrong' in ref)) return new Secret(ref);
    context.addIssue({ code: 'custom', message: ref.wrong, input: '[secret]' });
    return z.NEVER;
  });

/** For config schemas: `file:PATH` of a text that is no secret, e.g. a template → `Secret`, whose file may be open to everybody. */
export const textFile = z.string().transform((text, context): Secret => {
  const ref = parseSecretRef(text);
  if (!('wrong' in ref) && ref.kind === 'file') return new Secret(ref, { isOpen: true });
  context.addIssue({ code: 'custom', message: 'expected file:PATH' });
  return z.NEVER;
});

export function describeRef(ref: SecretRef): string {
  return ref.kind === 'file' ? `file:${ref.path}` : `env:${ref.name}`;
}

/** Every `Secret` in what a schema returned, with the way to it. */
export function* secretsIn(
  value: unknown,
  path: readonly (string | number)[] = [],
): Generator<{ readonly secret: Secret; readonly path: readonly (string | number)[] }> {
  if (value instanceof Secret) {
    yield { secret: value, path };
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* secretsIn(item, [...path, index]);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) yield* secretsIn(item, [...path, key]);
  }
}

async function fromFile(path: string, reader: SecretReader, isOpen: boolean): Promise<Found> {
  const what = isOpen ? 'file' : 'secret file';
  try {
    const { bytes, mode } = await reader.file(path);
    if (bytes.length === 0) return error(`the ${what} ${path} is empty`);
    if (bytes.length > secretBytesMax)
      return error(`the ${what} ${path} is larger than ${secretBytesMax} bytes`);
    if (isOpen || (mode & 0o077) === 0) return { bytes };
    const who = (mode & 0o007) === 0 ? 'its group' : 'everybody';
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    const message = `the secret file ${path} is open to ${who} (mode ${octal}); chmod 600 it`;
    return { bytes, finding: { severity: 'warning', message } };
  } catch (cause) {
    return error(`the ${what} ${path} ${whyUnreadable(cause)}`);
  }
}

function fromEnv(name: string, reader: SecretReader): Found {
  const value = reader.env(name);
  if (value === undefined) return error(`the environment variable ${name} is not set`);
  if (value === '') return error(`the environment variable ${name} is empty`);
  return { bytes: Buffer.from(value, 'utf8') };
}

function error(message: string): Found {
  return { finding: { severity: 'error', message } };
}

/** A sentence's end for an error of node:fs. */
export function whyUnreadable(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EISDIR') return 'is a directory';
  if (code === 'EACCES' || code === 'EPERM') return 'cannot be read: permission denied';
  if (code === 'EFBIG') return 'is too large';
  return `cannot be read${code === '' ? '' : `: ${code}`}`;
}
