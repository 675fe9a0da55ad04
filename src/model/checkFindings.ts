import type { CheckFinding } from './check.ts';
import { CloudError } from './errors.ts';
import type { OfferName } from './ids.ts';
import type { Resources } from './resources.ts';

/** What the checks of drivers and adapters have in common. */

/** An answer of the other side with its clock's time, to the second. */
export interface Heard {
  /** Epoch ms, by the other side's clock. */
  readonly theirsMs: number;
  /** Epoch ms, by this host's clock at the same time. */
  readonly oursMs: number;
}

/** A `Date` header has whole seconds, and an answer is on its way for a while. */
const skewSeenMs = 2000;

/** How far apart the clocks are, and what comes of that: `toleranceMs` is what the other side takes (null: it goes by no clock). */
export function clockFindings(
  heard: Heard | null,
  { toleranceMs, why }: { readonly toleranceMs: number | null; readonly why: string },
): readonly CheckFinding[] {
  if (heard === null) return [{ verdict: 'unknown', message: 'its answers do not tell the time' }];
  const skewMs = Math.round(heard.theirsMs - heard.oursMs);
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const figures = { skewMs };
  if (Math.abs(skewMs) <= skewSeenMs) {
    return [{ verdict: 'ok', message: "its clock and this host's agree to the second", figures }];
  }
  const message = `its clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} this host's`;
  if (toleranceMs === null || Math.abs(skewMs) < toleranceMs / 2) {
    return [{ verdict: Math.abs(skewMs) > 60_000 ? 'warning' : 'ok', message, figures }];
  }
  const verdict = Math.abs(skewMs) >= toleranceMs ? 'error' : 'warning';
  return [{ verdict, message: `${message}: ${why}`, figures }];
}

/** What checks are made for. */
interface Named {
  readonly name: OfferName;
}

/** What an account may still have; null: no limit, or none is told. */
export interface Left {
  readonly instances: number | null;
  readonly cpus: number | null;
  readonly memoryMiB: number | null;
}

export interface Wanted {
  readonly offers: readonly (Named & { readonly resources: Resources })[];
  /** The most machines that the config would ever have there. */
  readonly machinesMax: number;
}

/** What is left of an account. `living`: this site's machines in it; null: not known. */
export function quotaFindings(
  left: Left | null,
  living: number | null,
  { offers, machinesMax }: Wanted,
): readonly CheckFinding[] {
  if (left === null) return [{ verdict: 'unknown', message: 'it does not say what is left' }];
  const { instances, cpus, memoryMiB } = left;
  const figures = Object.fromEntries(
    Object.entries({ instancesLeft: instances, cpusLeft: cpus, memoryMiBLeft: memoryMiB }).filter(
      (entry): entry is [string, number] => entry[1] !== null,
    ),
  );
  const parts = [
    instances === null ? [] : `${instances} machines`,
    cpus === null ? [] : `${cpus} CPUs`,
    memoryMiB === null ? [] : `${memoryMiB} MiB of memory`,
  ].flat();
  if (parts.length === 0) return [{ verdict: 'ok', message: 'there is no limit' }];
  const findings: CheckFinding[] = [{ verdict: 'ok', message: `left: ${parts.join(', ')}`, figures }];
  const tooLarge = offers.filter(({ resources }) => !hasRoomFor(left, resources)).map(({ name }) => name);
  if (tooLarge.length > 0) {
    const message = 'not one more machine fits into what is left';
    findings.push({ verdict: living === 0 ? 'error' : 'warning', message, offers: tooLarge });
  }
  if (instances === null || living === null || instances === 0) return findings;
  const most = instances + living;
  if (most >= machinesMax) return findings;
  const message = `the config would have up to ${machinesMax} machines here, and the quota lets it have ${most}`;
  return [
    ...findings,
    { verdict: 'warning', message, figures: { instancesMost: most, instancesWanted: machinesMax } },
  ];
}

function hasRoomFor(left: Left, { cpus, memoryMiB }: Resources): boolean {
  return (
    (left.instances ?? 1) >= 1 && (left.cpus ?? cpus) >= cpus && (left.memoryMiB ?? memoryMiB) >= memoryMiB
  );
}

/**
 * Looks something up once for each different thing that offers name: one finding for what several share. What `look` returns is
 * what is wrong with it or to be said of it (null: nothing); a CloudError is an error of the offers that name it.
 */
export async function checkEach<Offer extends Named, T>(
  offers: readonly Offer[],
  wantedBy: (offer: Offer) => T | null,
  look: (wanted: T) => Promise<Pick<CheckFinding, 'verdict' | 'message' | 'figures'> | null>,
): Promise<readonly CheckFinding[]> {
  const groups = new Map<string, { readonly wanted: T; readonly offers: OfferName[] }>();
  for (const offer of offers) {
    const wanted = wantedBy(offer);
    if (wanted === null) continue;
    const key = JSON.stringify(wanted);
    const group = groups.get(key) ?? { wanted, offers: [] };
    group.offers.push(offer.name);
    groups.set(key, group);
  }
  const findings: CheckFinding[] = [];
  for (const { wanted, offers: names } of groups.values()) {
    try {
      const found = await look(wanted);
      if (found !== null) findings.push({ ...found, offers: names });
    } catch (error) {
      if (!(error instanceof CloudError) || !refusals.has(error.code)) throw error;
      const verdict = error.code === 'unsupported' ? 'unknown' : 'error';
      findings.push({ verdict, message: error.message, offers: names });
    }
  }
  return findings;
}

/** The cloud's word about what was asked for; all else is no word, and ends the check. */
const refusals: ReadonlySet<string> = new Set([
  'notFound',
  'invalid',
  'unsupported',
  'auth',
  'quota',
  'capacity',
]);

/** What is wrong or to be said; where there is nothing, that it is well. */
export function orWell(findings: readonly CheckFinding[], well: string): readonly CheckFinding[] {
  return findings.length > 0 ? findings : [{ verdict: 'ok', message: well }];
}
