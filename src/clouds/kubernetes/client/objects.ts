import { z } from 'zod';

/** The objects that are read, with the fields that are used; others are left aside. Absent and null are the same there. */

const text = z.string();
const map = z
  .record(text, text)
  .nullish()
  .transform((value) => value ?? {});

const metadata = z.object({
  name: text.min(1),
  uid: text.min(1),
  labels: map,
  annotations: map,
  deletionTimestamp: text.nullish(),
});

const condition = z.object({
  type: text,
  status: text,
  reason: text.nullish(),
  message: text.nullish(),
});

/** Epoch ms. */
const moment = z.coerce.date().transform((time) => time.getTime());

const containerStatus = z.object({
  name: text,
  state: z
    .object({
      waiting: z.object({ reason: text.nullish(), message: text.nullish() }).nullish(),
      terminated: z
        .object({
          exitCode: z.number(),
          reason: text.nullish(),
          message: text.nullish(),
          startedAt: moment.nullish(),
          finishedAt: moment.nullish(),
        })
        .nullish(),
    })
    .nullish(),
});
export type ContainerStatus = z.output<typeof containerStatus>;

const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((value) => value ?? []);

export const podShape = z.object({
  metadata,
  spec: z.object({ nodeName: text.nullish() }).nullish(),
  status: z
    .object({
      phase: text.default(''),
      reason: text.nullish(),
      message: text.nullish(),
      podIP: text.nullish(),
      conditions: list(condition),
      initContainerStatuses: list(containerStatus),
      containerStatuses: list(containerStatus),
    })
    .nullish()
    .transform((value) => value ?? noStatus),
});
export type Pod = z.output<typeof podShape>;

const noStatus = {
  phase: '',
  reason: undefined,
  message: undefined,
  podIP: undefined,
  conditions: [],
  initContainerStatuses: [],
  containerStatuses: [],
};

export const quotaShape = z.object({
  metadata: z.object({ name: text }),
  spec: z.object({ scopes: list(text), scopeSelector: z.unknown().optional() }).nullish(),
  status: z.object({ hard: map, used: map }).nullish(),
});
export type ResourceQuota = z.output<typeof quotaShape>;

export const nodeShape = z.object({
  metadata: z.object({ name: text, labels: map }),
  spec: z.object({ unschedulable: z.boolean().nullish() }).nullish(),
  status: z.object({ allocatable: map }).nullish(),
});
export type Node = z.output<typeof nodeShape>;

/** Only that something of the kind came back. */
export const anyObject = z.object({ metadata: z.object({ name: text.optional() }) });

export const reviewShape = z.object({
  status: z.object({ allowed: z.boolean(), reason: text.nullish() }),
});

export const versionShape = z.object({ gitVersion: text });

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    metadata: z.object({ continue: text.nullish() }),
    // A list without any has null here.
    items: z.array(item).nullable(),
  });

/** An object or a list, for the version of the cluster's state that it is of. */
export const versionedShape = z.object({ metadata: z.object({ resourceVersion: text.min(1) }) });

export const watchEventShape = z.object({ type: text, object: z.unknown() });

/** What an event of the type ERROR holds. */
export const watchErrorShape = z.object({ code: z.int(), reason: text.nullish() });
