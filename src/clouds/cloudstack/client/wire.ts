import { z } from 'zod';
import { CallFailure } from './failure.ts';

/** The answers that are read, with the fields that are used; others are left aside. */

const optionalText = z.string().nullish();

/** A UUID; a number in versions before 3. */
const id = z.union([z.string().min(1), z.number()]).transform(String);

export const vmRow = z.object({
  id,
  name: optionalText,
  state: z.string().min(1),
  /** The custom parameters of the create call, those that the server set itself, and no others. */
  details: z.record(z.string(), z.string().nullable()).nullish(),
  nic: z
    .array(z.object({ ipaddress: optionalText, ip6address: optionalText, isdefault: z.boolean().nullish() }))
    .nullish(),
  publicip: optionalText,
  /** Of a job that is under way for the machine. */
  jobid: id.nullish(),
  jobstatus: z.number().nullish(),
});
export type VmRow = z.output<typeof vmRow>;

/** Of the answer to whatever is done by a job; the id of a machine to be is in it at once. */
export const jobStarted = z.object({ jobid: id });
export const vmDeployed = jobStarted.extend({ id });

/** 0 under way, 1 done, 2 failed. */
export const jobState = z.object({
  jobstatus: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  jobresultcode: z.number().nullish(),
  jobresult: z.object({ errorcode: z.number().nullish(), errortext: optionalText }).nullish().catch(null),
});

export const zoneRow = z.object({ id, name: z.string(), allocationstate: optionalText });

export const serviceOfferingRow = z.object({
  id,
  name: z.string(),
  cpunumber: z.number().nullish(),
  /** MiB. */
  memory: z.number().nullish(),
  /** GiB; 0 or missing: as large as the template. */
  rootdisksize: z.number().nullish(),
  gpucount: z.number().nullish(),
});

export const templateRow = z.object({
  id,
  name: z.string(),
  created: optionalText,
  /** Of this row: a template in several zones has one for each. */
  zoneid: id.nullish(),
  isready: z.boolean().nullish(),
});

export const namedRow = z.object({ id, name: z.string() });

/** Of `listCapabilities`, whose answer is one object. */
export const capabilities = z.object({
  capability: z.object({
    cloudstackversion: optionalText,
    allowuserexpungerecovervm: z.boolean().nullish(),
    apilimitmax: z.number().nullish(),
    /** Seconds. */
    apilimitinterval: z.number().nullish(),
  }),
});

/** Of `listApis`: the commands that the key may call. It knows no pages. */
export const apiNames = z.object({ api: z.array(z.object({ name: z.string() })).nullish() });

export const volumeRow = z.object({ id, type: optionalText });

/** `Unlimited`, a number, or a number as text. */
const available = z
  .union([z.number(), z.string()])
  .nullish()
  .transform((value) => {
    const figure = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
    return typeof figure === 'number' && Number.isSafeInteger(figure) && figure >= 0 ? figure : null;
  });

export const accountRow = z.object({
  id,
  vmavailable: available,
  cpuavailable: available,
  /** MiB. */
  memoryavailable: available,
  user: z.array(z.object({ apikey: optionalText })).nullish(),
});

/** Reads what an answer holds; one that lacks what it must have is malformed. */
export function parsed<T>(command: string, schema: z.ZodType<T>, payload: unknown): T {
  const result = schema.safeParse(payload);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new CallFailure(command, `malformed answer at ${issue?.path.join('.') ?? ''}`, { kind: 'malformed' });
}
