import { inspect } from 'node:util';
import type { Judge } from '../../../src/simulate/judge.ts';
import type { SimulatedSite } from '../../../src/simulate/simulatedSite.ts';
import type { Weather } from '../../../src/simulate/weather.ts';
import type { Story } from './story.ts';

/** A story as it goes on. */
export interface Play {
  readonly story: Story;
  readonly site: SimulatedSite;
  readonly judge: Judge;
  readonly weather: Weather;
  /** Since when the daemon runs; null while it does not. */
  readonly upSinceMs: () => number | null;
}

export function lookAtDaemon({ site, judge }: Play): void {
  if (site.ended !== null) judge.note('noFaultOfOurs', `the daemon ended by itself: ${inspect(site.ended)}`);
  for (const error of site.errors) judge.note('noFaultOfOurs', error);
}
