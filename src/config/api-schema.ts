import { isIP } from 'node:net';
import { z } from 'zod';
import { accessRoles, leaseUsers } from '../model/access.ts';
import { secret } from './secrets.ts';

/** The fields of `api`: who may ask over the network, and where. docs/configuration.md describes each one. */

const path = z
  .string()
  .min(1)
  .max(1000)
  .refine((text) => !text.includes('\0') && !text.includes('\n'), 'not a path');

const tokenName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/,
    'only letters, digits, ".", "_" and "-", at most 40, beginning with a letter or digit',
  );

export const listenSchema = z.strictObject({
  address: z.string().refine((text) => isIP(text) !== 0, 'not an IP address'),
  port: z.int().min(1).max(65_535),
  certificate: path.optional(),
  key: secret.optional(),
  insecureLoopback: z.boolean().default(false),
});

const poolList = z.union([z.literal('all'), z.array(z.string()).max(1000)], {
  error: () => 'expected "all" or a list of pools',
});

export const tokenSchema = z.strictObject({
  name: tokenName,
  secret,
  role: z.enum(accessRoles),
  pools: poolList,
  users: z.enum(leaseUsers).default('own'),
  requestsPerSecond: z.int().min(1).max(10_000).default(100),
});

/** Those who show no token: they read, and no more. */
export const visitorsSchema = z.strictObject({
  pools: poolList,
  requestsPerSecond: z.int().min(1).max(10_000).default(20),
});

/** A socket on which everybody, or a group, may ask why a job waits. */
export const userSocketSchema = z.strictObject({
  path: path.refine((text) => text.startsWith('/'), 'not an absolute path'),
  group: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/, 'not the name of a group')
    .optional(),
});

export const apiSchema = z.strictObject({
  listen: z.array(listenSchema).max(16).default([]),
  tokens: z.array(tokenSchema).max(1000).default([]),
  visitors: visitorsSchema.optional(),
  userSocket: userSocketSchema.optional(),
});

/** Of a pool: names of tokens. */
export const poolAccess = z.array(z.string()).max(1000).optional();

export type ApiFields = z.output<typeof apiSchema>;
