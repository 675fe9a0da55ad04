import { z } from 'zod';
import { durationBetween } from '../../config/units.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

const account = z
  .string()
  .regex(
    /^[a-z_][a-z0-9_-]{0,31}$/,
    'expected the name of an account: lower-case letters, digits, "_" and "-"',
  );
const path = z.string().startsWith('/', 'expected an absolute path').max(1000);

/** Machines that are reached by SSH. */
const ssh = z.strictObject({
  /** The account that holders work as. Whatever it has on a machine is removed when the machine is given back. */
  user: account,
  /** The account that prepares and wipes machines: root, or one that may become the other. */
  admin: account.default('root'),
  /** Its private key; a file, as `ssh` reads it by itself. */
  identity: path,
  port: z.int().min(1).max(65_535).default(22),
  /** A known_hosts file. Left out: the key that a machine shows first is the one that it must show ever after. */
  knownHosts: path.optional(),
});

/** What stands under `queues[].…` for an `adapter: lease`. */
export const leaseSettings = z.strictObject({
  /** `local`: machines of this host. */
  access: z.union([z.literal('local'), z.strictObject({ ssh })]).default('local'),
  /** The longest time that a lease may go without being renewed, whatever its holder asks for. */
  ttlMax: durationBetween(10 * second, 24 * hour).prefault('1h'),
  waitingMax: z.int().min(1).max(100_000).default(10_000),
  /** Preparing or wiping a machine takes no longer than that. */
  accessDeadline: durationBetween(second, hour).prefault('1m'),
  /** A machine that cannot be wiped so many times in a row is given up: it is never lent again. */
  cleanAttempts: z.int().min(1).max(100).default(3),
});
export type LeaseSettings = z.output<typeof leaseSettings>;
export type SshSettings = z.output<typeof ssh>;
