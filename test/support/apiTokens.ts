import { digestOf } from '../../src/api/access.ts';
import type { AccessRole, AccessToken, LeaseUsers } from '../../src/model/access.ts';
import { PoolName } from '../../src/model/ids.ts';

/** The secret of a test's token; of one that is not in `testTokens`, too. */
export const secretOf = (name: string) => `secret-of-${name}-0123456789`;

function token(
  name: string,
  role: AccessRole,
  pools: 'all' | readonly string[],
  leaseUsers: LeaseUsers = 'own',
): AccessToken {
  return {
    name,
    role,
    digest: digestOf(secretOf(name)),
    pools: new Set((pools === 'all' ? ['small', 'large'] : pools).map(PoolName)),
    wholeSite: pools === 'all',
    leaseUsers,
    requestsPerSecond: 1000,
  };
}

/** For the pools of fixtureControl.ts. */
export const testTokens: readonly AccessToken[] = [
  token('seesAll', 'read', 'all'),
  token('seesNone', 'read', []),
  token('lendsSmall', 'lease', ['small']),
  token('lendsLarge', 'lease', ['large']),
  token('headNode', 'lease', ['small', 'large'], 'any'),
  token('runsSmall', 'operate', ['small'], 'any'),
  token('runsLarge', 'operate', ['large'], 'any'),
  token('runsAll', 'operate', 'all', 'any'),
];

export function tokenNamed(name: string): AccessToken {
  const found = testTokens.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no token ${name}`);
  return found;
}
