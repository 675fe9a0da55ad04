import { isIP } from 'node:net';
import { z } from 'zod';
import { durationBetween } from '../../config/units.ts';

const second = 1000;
const absolutePath = z
  .string()
  .max(1000)
  .refine((path) => path.startsWith('/') && !path.includes('\0'), 'expected an absolute path');
const word = z
  .string()
  .min(1)
  .max(4000)
  .refine((text) => !text.includes('\0'), 'a NUL in it');
/** An argument vector; run without a shell. */
const command = z.array(word).min(1).max(100);

const host = z.strictObject({
  /** Names the machine in the books: never given to another. */
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/, 'expected a host name'),
  /** Where it is reached; left out: its name. */
  address: z
    .string()
    .refine(
      (text) => isIP(text) !== 0 || /^[A-Za-z0-9.-]{1,253}$/.test(text),
      'expected a host name or an IP address',
    )
    .optional(),
  /** Offers choose hosts by these. */
  kinds: z
    .array(z.string().regex(/^[A-Za-z0-9._-]{1,40}$/, 'not a kind'))
    .max(50)
    .default([]),
  powerOn: command.optional(),
  powerOff: command.optional(),
  /** Woken by a magic packet to this hardware address. */
  wakeOnLan: z
    .string()
    .regex(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i, 'expected a hardware address, as in 52:54:00:12:34:56')
    .optional(),
});

/** A cloud's own fields in the config. */
export const fixedSettings = z.strictObject({
  /** Who uses which host is written down here. Sites that share hosts share the folder. */
  folder: absolutePath,
  hosts: z
    .array(host)
    .min(1)
    .max(10_000)
    .refine((hosts) => new Set(hosts.map(({ name }) => name)).size === hosts.length, 'a host is named twice'),
  /** How it is seen that a host is on: left out, it is on as soon as it has been asked to be. */
  on: z.union([z.strictObject({ tcp: z.int().min(1).max(65_535) }), z.strictObject({ command })]).optional(),
  /** For one look at one host. */
  onDeadline: durationBetween(100, 60 * second).prefault('3s'),
  /** Where magic packets go. */
  wakeBroadcast: z
    .string()
    .refine((text) => isIP(text) === 4, 'expected an IPv4 address')
    .default('255.255.255.255'),
});
export type FixedSettings = z.output<typeof fixedSettings>;
export type FixedHost = z.output<typeof host>;

/** The fields under an offer's `boot:`. */
export const fixedOffer = z.strictObject({
  /** Any host that has all of these kinds. */
  kinds: z.array(z.string()).max(50).default([]),
  /** Only these hosts. */
  hosts: z.array(z.string()).min(1).max(10_000).optional(),
});
export type FixedOffer = z.output<typeof fixedOffer>;
