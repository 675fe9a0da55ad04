import { CloudError } from '../../model/errors.ts';
import type { FixedHost, FixedOffer, FixedSettings } from './settings.ts';

/** Throws CloudError `notFound` for a host that the config does not have. */
export function hostsOf({ hosts }: FixedSettings, { kinds, hosts: only }: FixedOffer): readonly FixedHost[] {
  const missing = only?.find((name) => !hosts.some((host) => host.name === name));
  if (missing !== undefined) throw new CloudError('notFound', `no host ${missing} in the config`);
  return hosts
    .filter(({ name }) => only === undefined || only.includes(name))
    .filter((host) => kinds.every((kind) => host.kinds.includes(kind)));
}
