import { Agent } from 'undici';
import type { Access } from './access.ts';
import { malformed, refusalOf } from './answer.ts';
import {
  type Credential,
  type CredentialHost,
  credentialsOf,
  sameCertificate,
  sameCredential,
} from './credentials.ts';
import { KubernetesFailure } from './failure.ts';
import { send, type WireAnswer } from './wire.ts';

/** A host that takes no connection for so long counts as not reached, and the request as not sent. */
const connectTimeoutMs = 5000;
const socketsMax = 16;

/** One answer at most: a pod has some kilobytes, and one whose template is large some tens of them. */
export const answerBytesMax = 64 * 1024 * 1024;

export interface Call {
  /** Static text, as `create pod`. */
  readonly call: string;
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** Behind the server, from its slash on, encoded. */
  readonly path: string;
  readonly body?: unknown;
  /** The statuses of a success. */
  readonly expect: readonly number[];
  /** What must not show in an error, beside the credentials. */
  readonly secrets?: readonly string[];
  /** As of a wire's request: for an answer without an end. */
  readonly onData?: (chunk: Buffer) => void;
}

/** A connection to one API server as one identity. */
export interface Session {
  /**
   * Sends a call once and gives the success's answer. A refused credential (401) is made anew, where it can be, and with another
   * one the call is sent once more: it had been refused before anything was done.
   */
  request(call: Call, signal: AbortSignal): Promise<WireAnswer>;
  close(): Promise<void>;
}

interface Connected {
  readonly agent: Agent;
  readonly certificate: Credential['certificate'];
}

/** `onRefused`: the server does not know us, with whatever the access gives. */
export function openSession(access: Access, host: CredentialHost, onRefused: () => void): Session {
  const source = credentialsOf(access.identity, host);
  /** One for all calls; a renewed certificate needs another. */
  let connected: Connected | null = null;
  let closed = false;

  function agentFor(credential: Credential): Agent {
    if (connected !== null && sameCertificate(connected.certificate, credential.certificate))
      return connected.agent;
    const before = connected;
    connected = { agent: agentOf(access, credential), certificate: credential.certificate };
    // Its calls come to their end.
    before?.agent.close().catch(() => {});
    return connected.agent;
  }

  async function credentialFor(call: string, signal: AbortSignal): Promise<Credential> {
    try {
      return await source.get(signal);
    } catch (thrown) {
      if (signal.aborted) throw new KubernetesFailure({ kind: 'givenUp', call, sent: false });
      if (!(thrown instanceof KubernetesFailure)) throw thrown;
      const { kind, detail } = thrown;
      throw new KubernetesFailure({ kind, call, detail, sent: false });
    }
  }

  async function sendOnce(credential: Credential, call: Call, signal: AbortSignal): Promise<WireAnswer> {
    if (closed) throw new KubernetesFailure({ kind: 'givenUp', call: call.call, sent: false });
    const { impersonate } = access;
    return await send(
      agentFor(credential),
      {
        call: call.call,
        method: call.method ?? 'GET',
        url: `${access.server}${call.path}`,
        headers: {
          accept: 'application/json',
          'user-agent': 'spillway',
          ...(credential.token === null ? {} : { authorization: `Bearer ${credential.token}` }),
          ...(impersonate === null ? {} : impersonation(impersonate)),
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: call.body === undefined ? null : JSON.stringify(call.body),
        answerBytesMax,
        ...(call.onData === undefined ? {} : { onData: call.onData }),
      },
      signal,
    );
  }

  return {
    async request(call, signal) {
      if (signal.aborted) throw new KubernetesFailure({ kind: 'givenUp', call: call.call, sent: false });
      let credential = await credentialFor(call.call, signal);
      let answer = await sendOnce(credential, call, signal);
      if (answer.status === 401 && source.refused(credential)) {
        const renewed = await credentialFor(call.call, signal);
        if (!sameCredential(renewed, credential)) {
          credential = renewed;
          answer = await sendOnce(credential, call, signal);
        }
      }
      if (answer.status === 401) onRefused();
      if (call.expect.includes(answer.status)) return answer;
      if (answer.status < 300) throw malformed(answer, call.call, 'not the answer to this call');
      const secrets = [...(credential.token === null ? [] : [credential.token]), ...(call.secrets ?? [])];
      throw refusalOf(answer, { call: call.call, secrets });
    },
    async close() {
      closed = true;
      const agent = connected?.agent;
      connected = null;
      if (agent !== undefined && !agent.destroyed) await agent.destroy();
    },
  };
}

function agentOf({ tls }: Access, { certificate }: Credential): Agent {
  return new Agent({
    connections: socketsMax,
    connect: {
      timeout: connectTimeoutMs,
      rejectUnauthorized: tls.verify,
      ...(tls.ca === null ? {} : { ca: tls.ca }),
      ...(tls.serverName === null ? {} : { servername: tls.serverName }),
      ...(certificate === null ? {} : { cert: certificate.certificate, key: certificate.key }),
    },
  });
}

/** Several groups are several headers of one name. */
function impersonation({
  user,
  groups,
}: NonNullable<Access['impersonate']>): Record<string, string | string[]> {
  return { 'impersonate-user': user, ...(groups.length === 0 ? {} : { 'impersonate-group': [...groups] }) };
}
