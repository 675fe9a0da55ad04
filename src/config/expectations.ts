import { evaluateAttribute } from '../classad/evaluate.ts';
import { stringOf } from '../classad/value.ts';
import type { Offer } from '../model/offer.ts';
import type { ConfigurableAdapter } from './parts.ts';
import { checkName } from './references.ts';
import type { Locate, Report } from './report.ts';

export interface ExpectingQueue {
  readonly part: Pick<ConfigurableAdapter, 'expects'> | null;
  readonly settings: unknown;
  readonly ok: boolean;
  readonly locate: Locate;
}

/** Whether there is what adapters' settings count on: a name of a cloud or a pool that is not there is an error, a value no offer has a warning. */
export function checkExpectations(
  queues: readonly ExpectingQueue[],
  {
    clouds,
    pools,
    offers,
    complete,
  }: {
    readonly clouds: readonly string[];
    readonly pools: readonly string[];
    readonly offers: readonly Offer[];
    readonly complete: boolean;
  },
  report: Report,
): void {
  for (const { part, settings, ok, locate } of queues) {
    if (!ok || part?.expects === undefined) continue;
    for (const expected of part.expects(settings)) {
      const place = locate(expected.path);
      if (expected.kind !== 'attribute') {
        const { kind, name } = expected;
        checkName(kind, name, kind === 'cloud' ? clouds : pools, place, report);
        continue;
      }
      const { name, value } = expected;
      const has = ({ ad }: Offer) => ad.has(name) && stringOf(evaluateAttribute(ad, name)) === value;
      if (complete && !offers.some(has))
        report.add(
          'warning',
          place,
          `no offer has ${name} = ${JSON.stringify(value.slice(0, 60))} among its attributes`,
        );
    }
  }
}
