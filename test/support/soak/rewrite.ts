import type { TickInput, TickResult } from '../../../src/daemon/tick.ts';
import type { FleetEntry } from '../../../src/fleet/entry.ts';
import type { Instance } from '../../../src/model/instance.ts';
import type { Batch } from '../../../src/store/port.ts';

/** The result of a tick with some records changed, as if the core had decided so: in the state and in the batch. */
export function rewriteInstances(
  result: TickResult,
  input: TickInput,
  change: (entry: FleetEntry) => Partial<Instance> | null,
): TickResult {
  const changed = new Map<string, Instance>();
  const entries = new Map(result.state.fleet.entries);
  for (const [id, entry] of entries) {
    const fields = change(entry);
    if (fields === null) continue;
    const instance = { ...entry.instance, ...fields };
    changed.set(id, instance);
    entries.set(id, { ...entry, instance });
  }
  if (changed.size === 0) return result;
  const batch = result.batch ?? emptyBatch(input, result);
  const others = batch.instances.filter(({ id }) => !changed.has(id));
  return {
    ...result,
    state: { ...result.state, fleet: { ...result.state.fleet, entries } },
    batch: { ...batch, instances: [...others, ...changed.values()] },
  };
}

function emptyBatch({ nowMs, wallMs }: TickInput, { state }: TickResult): Batch {
  return { nowMs, wallMs, sequence: state.sequence, intents: [], instances: [], facts: [], journal: [] };
}
