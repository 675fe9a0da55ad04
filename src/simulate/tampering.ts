import type { Cloud } from '../clouds/port.ts';
import type { tick } from '../daemon/tick.ts';
import type { CloudName, QueueName } from '../model/ids.ts';
import type { Queue } from '../queues/port.ts';

export type Core = typeof tick;

/** Something of the daemon that is broken on purpose, to see that it is noticed: in a simulation and nowhere else. */
export interface Tampering {
  readonly core?: (core: Core) => Core;
  readonly cloud?: (cloud: Cloud, name: CloudName) => Cloud;
  readonly queue?: (queue: Queue, name: QueueName) => Queue;
}
