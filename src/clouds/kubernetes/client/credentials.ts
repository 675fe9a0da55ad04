import { z } from 'zod';
import type { CredentialProgram, HostFiles, HostPrograms, Identity } from './access.ts';
import { cleanText } from './cleanText.ts';
import { KubernetesFailure } from './failure.ts';
import { together } from './together.ts';

/** A file with a token is read again after so long: the kubelet renews its own when four fifths of their life are over. */
const tokenFileHoldsMs = 60_000;

/** A program's credentials are renewed so long before they expire. */
const renewAheadMs = 60_000;

/** What a request is signed with. */
export interface Credential {
  readonly token: string | null;
  /** PEM of a client's certificate and its key. */
  readonly certificate: { readonly certificate: string; readonly key: string } | null;
}

/** Where credentials come from, kept until they are old or refused. */
export interface CredentialSource {
  get(signal: AbortSignal): Promise<Credential>;
  /** The server said 401 to it. True where asking again may bring another one. */
  refused(credential: Credential): boolean;
}

export interface CredentialClock {
  wallNow(): number;
  monotonicNow(): number;
}

export interface CredentialHost {
  readonly clock: CredentialClock;
  readonly files: HostFiles;
  readonly programs: HostPrograms;
}

export function credentialsOf(identity: Identity, host: CredentialHost): CredentialSource {
  switch (identity.kind) {
    case 'nobody':
      return fixed({ token: null, certificate: null });
    case 'token':
      return fixed({ token: identity.token, certificate: null });
    case 'certificate': {
      const { certificate, key } = identity;
      return fixed({ token: null, certificate: { certificate, key } });
    }
    case 'tokenFile':
      return renewed(host, () => fromFile(identity.path, host));
    case 'program':
      return renewed(host, (signal) => fromProgram(identity.program, host, signal));
  }
}

function fixed(credential: Credential): CredentialSource {
  return { get: async () => credential, refused: () => false };
}

interface Made {
  readonly credential: Credential;
  /** For so long it needs not be made anew; null: until it is refused. */
  readonly holdsMs: number | null;
}

function renewed({ clock }: CredentialHost, make: (signal: AbortSignal) => Promise<Made>): CredentialSource {
  let held: { readonly credential: Credential; readonly untilMs: number | null } | null = null;
  const renew = together(async (signal: AbortSignal) => {
    const { credential, holdsMs } = await make(signal);
    held = { credential, untilMs: holdsMs === null ? null : clock.monotonicNow() + holdsMs };
    return credential;
  });
  return {
    async get(signal) {
      if (held !== null && (held.untilMs === null || clock.monotonicNow() < held.untilMs)) {
        return held.credential;
      }
      return await renew(signal);
    },
    refused(credential) {
      if (held?.credential === credential) held = null;
      return true;
    },
  };
}

export function sameCredential(a: Credential, b: Credential): boolean {
  return a.token === b.token && sameCertificate(a.certificate, b.certificate);
}

export function sameCertificate(a: Credential['certificate'], b: Credential['certificate']): boolean {
  return a === b || (a !== null && b !== null && a.certificate === b.certificate && a.key === b.key);
}

async function fromFile(path: string, { files }: CredentialHost): Promise<Made> {
  let text: string;
  try {
    text = (await files.readText(path)).trim();
  } catch {
    throw failure(`the token in ${path} cannot be read`);
  }
  if (text === '') throw failure(`the token in ${path} is empty`);
  return { credential: { token: text, certificate: null }, holdsMs: tokenFileHoldsMs };
}

const printed = z.object({
  kind: z.literal('ExecCredential'),
  status: z.object({
    token: z.string().min(1).optional(),
    clientCertificateData: z.string().min(1).optional(),
    clientKeyData: z.string().min(1).optional(),
    expirationTimestamp: z.coerce
      .date()
      .transform((moment) => moment.getTime())
      .optional(),
  }),
});

async function fromProgram(
  { argv, environment, apiVersion, cluster }: CredentialProgram,
  { programs, clock }: CredentialHost,
  signal: AbortSignal,
): Promise<Made> {
  const spec = { interactive: false, ...(cluster === null ? {} : { cluster }) };
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec });
  let ended: Awaited<ReturnType<HostPrograms['run']>>;
  try {
    ended = await programs.run(argv, { ...environment, KUBERNETES_EXEC_INFO: info }, signal);
  } catch (thrown) {
    if (signal.aborted)
      throw new KubernetesFailure({ kind: 'givenUp', call: 'make credentials', sent: false });
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'failed';
    throw failure(`${argv[0] ?? 'the program'} could not be run: ${code}`);
  }
  const { exitCode, stdout, stderr } = ended;
  const secrets = Object.values(environment);
  if (exitCode !== 0) throw failure(`${argv[0] ?? ''} ended with ${exitCode}: ${cleanText(stderr, secrets)}`);
  const read = printed.safeParse(jsonOf(stdout));
  if (!read.success) throw failure(`${argv[0] ?? ''} did not print an ExecCredential`);
  const { token = null, clientCertificateData, clientKeyData, expirationTimestamp } = read.data.status;
  const certificate =
    clientCertificateData === undefined || clientKeyData === undefined
      ? null
      : { certificate: clientCertificateData, key: clientKeyData };
  if (token === null && certificate === null)
    throw failure(`${argv[0] ?? ''} printed no token and no certificate`);
  const leftMs = expirationTimestamp === undefined ? null : expirationTimestamp - clock.wallNow();
  return {
    credential: { token, certificate },
    holdsMs: leftMs === null ? null : Math.max(0, leftMs - renewAheadMs),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failure(detail: string): KubernetesFailure {
  return new KubernetesFailure({ kind: 'credentials', call: 'make credentials', detail, sent: false });
}
