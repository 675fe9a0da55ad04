import { references } from '../classad/analyze.ts';
import type { LaunchOrder } from '../clouds/port.ts';
import { machineVariables, renderTemplate, TemplateError, templateVariablesOf } from '../config/template.ts';
import type { Effect } from '../fleet/owed.ts';
import { CloudError, QueueError } from '../model/errors.ts';
import type { Offer, Pool } from '../model/offer.ts';
import type { DaemonParts } from './daemonParts.ts';
import type { CoreState } from './tick.ts';

/** Template variables that are the same for every machine of an offer in a pool. */
const sharedVariables: ReadonlySet<string> = new Set(machineVariables.filter((name) => name !== 'instance'));

/** Whether each machine of the pool needs user data of its own, so that a create call can be for one only. */
export function hasOwnSecrets(pool: Pool): boolean {
  return templateVariablesOf(pool.userData ?? '').some((name) => !sharedVariables.has(name));
}

/** The job attributes that offers' Requirements and Rank refer to: a poll must bring them. */
export function jobAttributes(offers: readonly Offer[]): readonly string[] {
  const names = offers.flatMap(({ ad }) =>
    ['Requirements', 'Rank'].flatMap((name) => {
      const expr = ad.get(name);
      return expr === undefined ? [] : references(expr).external;
    }),
  );
  return [...new Set(names)].toSorted();
}

/**
 * What a create call is to say. Nothing has been sent when this fails: every error is a CloudError that is not in
 * doubt.
 */
export async function makeOrder(
  effect: Extract<Effect, { kind: 'launch' }>,
  { parts, state, wallNow }: { parts: DaemonParts; state: () => CoreState; wallNow: () => number },
): Promise<LaunchOrder> {
  const offer = parts.config.offers.find(({ name }) => name === effect.offer);
  const pool = parts.config.pools.find(({ name }) => name === effect.pool);
  const intent = state().fleet.intents.get(effect.intent);
  if (offer === undefined || pool === undefined || intent === undefined)
    throw new CloudError('invalid', `offer ${effect.offer} or pool ${effect.pool} is not configured`);
  const issuedAtSeconds = Math.floor(Math.min(intent.createdAtMs, wallNow()) / 1000);
  const userData =
    pool.userData === null
      ? null
      : await render(pool.userData, { effect, offer, pool, issuedAtSeconds, parts });
  const { intent: id, instances } = effect;
  return {
    intent: id,
    instances,
    pool: pool.name,
    offer: offer.name,
    market: offer.market,
    settings: offer.settings,
    userData,
  };
}

async function render(
  template: string,
  context: {
    readonly effect: Extract<Effect, { kind: 'launch' }>;
    readonly offer: Offer;
    readonly pool: Pool;
    readonly issuedAtSeconds: number;
    readonly parts: DaemonParts;
  },
): Promise<string> {
  const { effect, offer, pool, issuedAtSeconds, parts } = context;
  const queue = parts.queues.find(({ config }) => config.name === pool.queue)?.queue;
  const [instance] = effect.instances;
  if (queue === undefined || instance === undefined)
    throw new CloudError('invalid', `pool ${pool.name} has no queue ${pool.queue}`);
  const { lifetimeMs, lifetimeGraceMs } = pool.limits;
  try {
    const { variables } = await queue.admit({
      instance,
      pool: pool.name,
      issuedAtSeconds,
      lifetimeMs: lifetimeMs === null ? null : lifetimeMs + lifetimeGraceMs,
      attributes: offer.published,
    });
    return renderTemplate(template, {
      ...variables,
      site: parts.config.site,
      pool: pool.name,
      offer: offer.name,
      instance,
      cpus: String(offer.resources.cpus),
      memoryMiB: String(offer.resources.memoryMiB),
      diskMiB: String(offer.resources.diskMiB),
      gpus: String(offer.resources.gpus),
    });
  } catch (error) {
    if (error instanceof TemplateError)
      throw new CloudError('invalid', `boot template of ${pool.name}: ${error.message}`);
    if (!(error instanceof QueueError)) throw error;
    throw new CloudError('invalid', `no credential for the machine: ${error.message}`, { cause: error });
  }
}
