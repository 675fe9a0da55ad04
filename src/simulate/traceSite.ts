import { z } from 'zod';
import { type Loaded, loadSite } from '../config/load.ts';
import type { Registry } from '../config/parts.ts';
import type { SiteConfig } from '../config/site.ts';

/** The farm that a trace is replayed on where no config is given: one queue, one cloud, one kind of machine. */
export interface TraceFarm {
  readonly machineCpus: number;
  /** Null: whatever its jobs ask for. */
  readonly machineMemoryMiB: number | null;
  readonly pricePerCoreHour: number;
  readonly min: number;
  readonly max: number;
  /** Null: learned from the gaps between jobs. */
  readonly idleMs: number | null;
  /** How long the store keeps what is over, as in a config; absent: a day. */
  readonly retention?: string;
  /** Nothing goes wrong. */
  readonly isQuiet: boolean;
}

/** More than any job of a trace asks for. */
const boundlessMiB = 1024 * 1024 * 1024;

/** Every change is told, so the periods are only for what nobody tells: where nothing goes wrong, nothing. */
const quiet = { queue: '300s', cloud: '1800s' };
const watchful = { queue: '30s', cloud: '60s' };

/**
 * The config of such a farm, with the defaults that any config has. Machines that drain are ended at the second look: no
 * scheduler that is simulated takes a worker's word back.
 */
export async function traceSite(farm: TraceFarm): Promise<SiteConfig> {
  const { machineCpus, machineMemoryMiB, pricePerCoreHour, min, max, idleMs } = farm;
  const poll = farm.isQuiet ? quiet : watchful;
  const text = JSON.stringify({
    site: 'trace',
    policy: { retention: farm.retention ?? '1d' },
    queues: [{ name: 'batch', adapter: 'simulated', poll: poll.queue }],
    clouds: [{ name: 'cloud', driver: 'simulated', poll: poll.cloud, launchesInFlight: 1000 }],
    offers: [
      {
        name: 'machine',
        cloud: 'cloud',
        cpus: machineCpus,
        memory: `${machineMemoryMiB ?? boundlessMiB}MiB`,
        disk: `${boundlessMiB}MiB`,
        price: `${machineCpus * pricePerCoreHour} USD/h`,
        boot: {},
      },
    ],
    pools: [
      {
        name: 'farm',
        queue: 'batch',
        offers: ['machine'],
        min,
        max,
        limits: {
          idleConfirm: '1s',
          lifetime: 'none',
          idle: idleMs === null ? 'learned' : `${Math.max(1, Math.round(idleMs / 1000))}s`,
        },
      },
    ],
  });
  return configIn(await loadSimulatedSite('trace.yaml', text));
}

/** A config whose adapters and drivers are all `simulated`, read and checked as any other. */
export function loadSimulatedSite(path: string, text: string): Promise<Loaded> {
  return loadSite(path, {
    adapters: simulated({ configSchema: z.strictObject({}) }),
    drivers: simulated({
      configSchema: z.strictObject({}),
      offerSchema: z.strictObject({}),
      capabilities: { mark: 'create' as const, userDataBytesMax: 16_384, spot: true },
    }),
    files: { read: async () => ({ bytes: Buffer.from(text), mode: 0o600 }) },
    env: () => undefined,
  });
}

function configIn({ config, problems }: Loaded): SiteConfig {
  if (config === null)
    throw new Error(`the trace's farm: ${problems.map(({ message }) => message).join('; ')}`);
  return config;
}

function simulated<Part>(part: Part): Registry<Part> {
  return { names: ['simulated'], load: async () => part };
}
