import { z } from 'zod';
import { controlErrorCodes, refusalReasons } from '../control.ts';

/**
 * invalid: the request is not what this page of the API takes. tooLarge: its body is longer than any request is.
 * notFound: no such page. methodNotAllowed: the page exists, not with this method. unknownJob: no queue knows the
 * job. leaseOver: it has been given back, or has ended without its holder. tooManyLeases: no more may wait. unauthorized: no token,
 * or one that nobody has. forbidden: the token may not do that, or not there. tooManyRequests: more than the token's rate.
 * timeout: a queue did not answer in time. queueTrouble: it answered that it cannot. storeTrouble: the store cannot
 * take the change, so nothing was done. internal: a fault of the daemon, in its log.
 */
export const apiErrorCodes = [
  ...controlErrorCodes,
  'invalid',
  'tooLarge',
  'notFound',
  'methodNotAllowed',
  'unknownJob',
  'leaseOver',
  'tooManyLeases',
  'unauthorized',
  'forbidden',
  'tooManyRequests',
  'timeout',
  'queueTrouble',
  'storeTrouble',
  'internal',
] as const;
export type ApiErrorCode = (typeof apiErrorCodes)[number];

/** The body of every answer that is not 2xx. */
export const errorSchema = z.object({
  error: z.object({
    code: z.enum(apiErrorCodes),
    message: z.string(),
    /** Set where the code is `refused`. */
    reason: z.enum(refusalReasons).nullable(),
  }),
});
export type ErrorBody = z.output<typeof errorSchema>;
