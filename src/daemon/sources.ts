import type { CloudSnapshot } from '../model/cloud.ts';
import type { QueueSnapshot } from '../model/demand.ts';
import type { CloudName, QueueName } from '../model/ids.ts';
import type { QueueMachine } from '../queues/port.ts';
import type { DaemonParts } from './daemonParts.ts';
import { jobAttributes } from './order.ts';
import type { Probes } from './probes.ts';
import { createSource, hurryShare, type Source, type SourceTrouble } from './source.ts';
import type { Timeline } from './timeline.ts';

/** Every cloud and every queue, each looked at by itself. */
export interface Sources {
  readonly clouds: ReadonlyMap<CloudName, Source<CloudSnapshot>>;
  readonly queues: ReadonlyMap<QueueName, Source<QueueSnapshot>>;
  readonly all: readonly Source<unknown>[];
}

export interface SourcesListener {
  readonly onList: (list: CloudSnapshot) => void;
  readonly onView: (view: QueueSnapshot) => void;
  readonly onTrouble: (where: Where, trouble: SourceTrouble | null) => void;
}

export type Where =
  | { readonly kind: 'cloud'; readonly cloud: CloudName }
  | { readonly kind: 'queue'; readonly queue: QueueName };

export interface SourcesParts extends SourcesListener {
  readonly parts: DaemonParts;
  readonly timeline: Timeline;
  readonly probes: Probes;
  readonly machines: (queue: QueueName) => readonly QueueMachine[];
}

/**
 * A cloud that hints is listed no more often than this, or than a hurried list is anyway: a long period costs no time then, and a
 * cloud where something happens all the time costs a list each 5 s.
 */
const hintedMs = 5000;

export function createSources(options: SourcesParts): Sources {
  const { parts, timeline, probes, machines, onList, onView, onTrouble } = options;
  const { clock, log, config, hurryMs } = parts;
  const shared = { clock, timeline, log };
  const clouds = new Map<CloudName, Source<CloudSnapshot>>(
    parts.clouds.map(({ config: { name, pollMs, deadlineMs }, cloud }) => [
      name,
      createSource<CloudSnapshot>({
        ...shared,
        name: `cloud ${name}`,
        periodMs: pollMs,
        deadlineMs,
        ...(cloud.hint === undefined ? {} : { hurryMs: Math.min(pollMs * hurryShare, hintedMs) }),
        look: async (takenAtMs, signal) => ({ cloud: name, takenAtMs, instances: await cloud.list(signal) }),
        onSnapshot: onList,
        onTrouble: (trouble) => onTrouble({ kind: 'cloud', cloud: name }, trouble),
      }),
    ]),
  );
  const attributes = jobAttributes(config.offers);
  const queues = new Map<QueueName, Source<QueueSnapshot>>(
    parts.queues.map(({ config: { name, pollMs, deadlineMs, retiring }, queue }) => [
      name,
      createSource<QueueSnapshot>({
        ...shared,
        name: `queue ${name}`,
        periodMs: pollMs,
        deadlineMs,
        ...(hurryMs === undefined ? {} : { hurryMs }),
        look: async (nowMs, signal) => {
          const own = machines(name);
          const view = await queue.poll({ nowMs, attributes, machines: own }, signal);
          // Of a queue that has left the config the workers are of interest, and no job.
          return probes.withoutUnreachable(retiring === true ? { ...view, demand: [] } : view, own);
        },
        onSnapshot: onView,
        onTrouble: (trouble) => onTrouble({ kind: 'queue', queue: name }, trouble),
      }),
    ]),
  );
  return { clouds, queues, all: [...clouds.values(), ...queues.values()] };
}
