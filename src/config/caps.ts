import type { Cap, FairnessPolicy } from '../model/fairness.ts';
import type { CapFields, PolicyFields } from './schema.ts';

/** A user or group of the config: each one for itself. */
const each = '*';

export function fairnessOf({ aging, gangHold, makeRoom, fairShare, caps }: PolicyFields): FairnessPolicy {
  const { halfLife, levels, users, groups } = fairShare;
  return {
    agingMs: aging,
    gangHoldMs: gangHold,
    makeRoomAfterMs: makeRoom === 'never' ? null : makeRoom,
    share: {
      halfLifeMs: halfLife,
      levels,
      users: new Map(Object.entries(users)),
      groups: new Map(Object.entries(groups)),
    },
    caps: caps.map(capOf),
  };
}

function capOf({ user, group, cpus, machines }: CapFields): Cap {
  const name = user ?? group ?? each;
  return {
    of: group === undefined ? 'user' : 'group',
    name: name === each ? null : name,
    cpus: cpus ?? null,
    machines: machines ?? null,
  };
}
