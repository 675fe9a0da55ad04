import { createHmac, hkdfSync } from 'node:crypto';
import type { InstanceId } from '../../model/ids.ts';
import type { AdmitRequest } from '../port.ts';
import { instancePlaceholder, type JoinSettings } from './settings.ts';

/** What a machine that joins may do: say that it is there, and read where the others are. Claiming needs no right. */
export const joinScope = 'condor:/ADVERTISE_STARTD condor:/ADVERTISE_MASTER condor:/READ';

/** The identity that the collector writes into the ads of this instance's daemons, and nobody else's. */
export function identityOf(instance: InstanceId, join: JoinSettings): string {
  return join.identity.replaceAll(instancePlaceholder, instance);
}

/**
 * An IDTOKEN of the machine's own: the same to the byte for the same request and key. It outlives the machine,
 * since a startd whose token has expired never comes back after the collector restarts, and its job is lost with it.
 */
export function mintToken(
  request: Pick<AdmitRequest, 'instance' | 'issuedAtSeconds' | 'lifetimeMs'>,
  join: JoinSettings,
): string {
  const lifetimeMs = request.lifetimeMs ?? join.lifetimeMs;
  const issuedAt = Math.floor(request.issuedAtSeconds);
  const subject = identityOf(request.instance, join);
  const key = signingKey(join.signingKey.reveal(), join.signingKeyId);
  const header = { alg: 'HS256', kid: join.signingKeyId };
  const payload = {
    exp: issuedAt + Math.ceil((lifetimeMs + join.marginMs) / 1000),
    iat: issuedAt,
    iss: join.trustDomain,
    jti: tokenId(subject, issuedAt, key),
    scope: joinScope,
    sub: subject,
  };
  const signed = `${base64url(header)}.${base64url(payload)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

/**
 * From the bytes of a key file to the key that signs (condor_utils/store_cred.cpp, condor_io/condor_auth_passwd.cpp
 * of HTCondor 9 to 25): the file is masked, a fixed XOR and no protection; the key called POOL counts twice; the
 * result goes through HKDF. SEC_TOKEN_POOL_SIGNING_KEY_IS_PASSWORD, which cuts a POOL key at a NUL, is not for us.
 */
export function signingKey(file: Buffer, keyId: string): Buffer {
  const mask = [0xde, 0xad, 0xbe, 0xef];
  const plain = Buffer.from(file.map((byte, index) => byte ^ (mask[index % mask.length] ?? 0)));
  const key = keyId === 'POOL' ? Buffer.concat([plain, plain]) : plain;
  return Buffer.from(hkdfSync('sha256', key, 'htcondor', 'master jwt', 32));
}

/** Names the token in a deny-list; from what it says, so that minting again gives the same. */
function tokenId(subject: string, issuedAt: number, key: Buffer): string {
  return createHmac('sha256', key).update(`jti\n${subject}\n${issuedAt}`).digest('hex').slice(0, 32);
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
