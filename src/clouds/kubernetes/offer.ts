import { z } from 'zod';
import { textFile } from '../../config/secrets.ts';
import { sizeMiB } from '../../config/units.ts';
import { markPrefix } from './mark.ts';

const text = (what: string) => z.string().min(1, `expected ${what}`).max(1000);

const marks = z.record(z.string(), z.string()).superRefine((all, context) => {
  for (const key of Object.keys(all).filter((one) => one.startsWith(markPrefix))) {
    const message = `keys that begin with ${markPrefix} are this program's own`;
    context.addIssue({ code: 'custom', path: [key], message });
  }
});

const container = z.looseObject({
  name: text('the name of a container'),
  image: text('an image').optional(),
  command: z.array(z.string()).optional(),
  resources: z
    .looseObject({
      requests: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
      limits: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
    })
    .optional(),
  volumeMounts: z.array(z.looseObject({})).optional(),
});

/** A pod as its manifest has it: what is not named here goes to the server as it is, which refuses what it does not know. */
export const podTemplate = z.strictObject({
  /** A file may be a whole manifest. */
  apiVersion: z.literal('v1').optional(),
  kind: z.literal('Pod').optional(),
  metadata: z.strictObject({ labels: marks.optional(), annotations: marks.optional() }).optional(),
  spec: z
    .looseObject({
      containers: z.array(container).min(1).max(20).optional(),
      volumes: z.array(z.looseObject({ name: z.string() })).optional(),
      restartPolicy: z
        .literal('Never', { error: 'a worker that has ended is not started again: only Never is possible' })
        .optional(),
    })
    .optional(),
});
export type PodTemplate = z.output<typeof podTemplate>;

/** The fields under an offer's `boot:`. What they say of the worker's container wins over the template. */
export const kubernetesOffer = z
  .strictObject({
    image: text('a container image').optional(),
    /** Requests and limits of the worker's container. */
    cpus: z.number().min(0.01).max(10_000).optional(),
    memory: sizeMiB.optional(),
    /** Of the node's own disk: what the container writes, and its logs. */
    disk: sizeMiB.optional(),
    gpus: z.int().min(1).max(64).optional(),
    gpuResource: z
      .string()
      .regex(/^[a-z0-9.-]+\/[A-Za-z0-9._-]+$/, 'expected the name of a resource, as in nvidia.com/gpu')
      .default('nvidia.com/gpu'),
    /** Left out: the template's; else the user data itself, where there are any; else the image's. */
    command: z.array(z.string().min(1)).min(1).max(100).optional(),
    /** The folder that the user data are in, as a file `user-data`. */
    userDataFolder: z
      .string()
      .regex(/^\/[^:\0]{1,200}$/, 'expected an absolute path')
      .default('/run/spillway'),
    /** The rest of the pod; the worker is its first container. */
    pod: podTemplate.optional(),
    /** The same in a file of its own, as YAML. */
    podFile: textFile.optional(),
  })
  .superRefine(({ image, pod, podFile }, context) => {
    if (pod !== undefined && podFile !== undefined) context.addIssue('say the `pod` or the `podFile`');
    if (podFile === undefined && image === undefined && pod?.spec?.containers?.[0]?.image === undefined) {
      context.addIssue('say the `image`, here or in the `pod`');
    }
  });
export type KubernetesOffer = z.output<typeof kubernetesOffer>;
