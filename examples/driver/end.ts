import { CloudError } from '../../src/model/errors.ts';
import type { CloudId } from '../../src/model/ids.ts';
import type { Api } from './api.ts';
import { ended } from './wire.ts';

const unknownIdsMax = 10_000;

/**
 * One step of a server's end. The cloud knows an ended server for an hour and says `deleted` of it. Of what it does not know it
 * says so, and that is believed when it has said it for as long as its views may lag: the server may be too new.
 */
export function makeEnd(api: Api, monotonicNow: () => number, listLagMs: number) {
  /** When the cloud first said that there is no such server. */
  const unknownSince = new Map<CloudId, number>();

  return async (id: CloudId, signal: AbortSignal): Promise<'ending' | 'gone'> => {
    const call = {
      what: 'end server',
      method: 'DELETE',
      path: `/v1/servers/${encodeURIComponent(id)}`,
    } as const;
    try {
      const { state } = await api.call({ ...call, write: true }, ended, signal);
      unknownSince.delete(id);
      return state === 'deleted' ? 'gone' : 'ending';
    } catch (thrown) {
      if (!(thrown instanceof CloudError && thrown.code === 'notFound')) throw thrown;
    }
    const since = unknownSince.get(id) ?? monotonicNow();
    unknownSince.set(id, since);
    const [oldest] = unknownSince.keys();
    if (unknownSince.size > unknownIdsMax && oldest !== undefined) unknownSince.delete(oldest);
    return monotonicNow() - since >= listLagMs ? 'gone' : 'ending';
  };
}
