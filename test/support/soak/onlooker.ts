import { symmetricMatch } from '../../../src/classad/match.ts';
import type { Instance } from '../../../src/model/instance.ts';
import type { Offer, Pool } from '../../../src/model/offer.ts';
import { timesThatFit } from '../../../src/model/resources.ts';
import { lazily } from '../../../src/planner/lazily.ts';
import type { Play } from './play.ts';
import type { StoryClass } from './story.ts';

/** Looks at the site every now and then: what should have come about by now, and has not. */
export interface Onlooker {
  look(): void;
}

const minuteMs = 60_000;

type Placed = Pick<Instance, 'pool' | 'offer' | 'cloud'>;

/**
 * With nothing wrong at the queue, at the offer's cloud and with the daemon, jobs that wait, and room, a machine is
 * launched within this time: the longest that an offer is set aside after what went wrong before, with its jitter, and
 * as long as a machine may take that was launched then and came to nothing.
 */
const patienceMs = 35 * minuteMs;

export function createOnlooker(play: Play): Onlooker {
  const { story, site, judge, weather } = play;
  const { pools, offers, clouds, queues } = story.site;
  const places = new Map<StoryClass, readonly { readonly pool: Pool; readonly offer: Offer }[]>(
    story.classes.map((known) => [
      known,
      pools
        .filter(({ queue }) => queue === known.queue)
        .flatMap((pool) =>
          offers
            .filter(({ name }) => pool.offers.includes(name))
            .filter(
              ({ ad, resources }) =>
                timesThatFit(resources, known.jobClass.request) > 0 && symmetricMatch(known.jobClass.ad, ad),
            )
            .map((offer) => ({ pool, offer })),
        ),
    ]),
  );
  /** Since when jobs of the class wait with nothing that could take them. */
  const starvingSinceMs = new Map<StoryClass, number>();
  /** Since when every bound has had room for a machine. */
  const roomSinceMs = new Map<string, number>();
  const shortSinceMs = new Map<Pool, number>();

  function look(): void {
    const nowMs = site.clock.monotonicNow();
    const alive = site.alive();
    // Calls that a dead cloud has not answered may have made machines: nobody can know, and they have their places.
    const there = lazily(() => {
      const known = new Set(alive.map(({ instance }) => instance));
      return [...alive, ...site.instances().filter(({ id, phase }) => phase === 'unknown' && !known.has(id))];
    });
    const count = (of: (machine: Placed) => boolean) => there().filter(of).length;
    const upSinceMs = play.upSinceMs() ?? Number.POSITIVE_INFINITY;

    for (const known of story.classes) {
      const queue = site.queues.get(known.queue);
      const waits = queue?.jobs.some(
        ({ state, jobClass }) => state === 'waiting' && jobClass === known.jobClass,
      );
      const own = places.get(known) ?? [];
      const served = alive.some((machine) =>
        own.some(({ pool, offer }) => pool.name === machine.pool && offer.name === machine.offer),
      );
      if (waits !== true || served) {
        starvingSinceMs.delete(known);
        continue;
      }
      const sinceMs = starvingSinceMs.get(known) ?? nowMs;
      starvingSinceMs.set(known, sinceMs);
      const queueClearMs = weather.queueClearSinceMs(queues.indexOf(known.queue));
      for (const { pool, offer } of own) {
        const cloud = clouds.find(({ name }) => name === offer.cloud);
        const cloudClearMs = weather.cloudClearSinceMs(clouds.findIndex(({ name }) => name === offer.cloud));
        // A multi-node job wants all of its machines at once.
        const others = (known.jobClass.workers ?? 1) - 1;
        const hasRoom =
          count((machine) => machine.pool === pool.name) + others < pool.max &&
          (offer.max === null || count((machine) => machine.offer === offer.name) + others < offer.max) &&
          (cloud?.max == null || count((machine) => machine.cloud === offer.cloud) + others < cloud.max);
        const key = `${pool.name} ${offer.name}`;
        if (!hasRoom) roomSinceMs.delete(key);
        else if (!roomSinceMs.has(key)) roomSinceMs.set(key, nowMs);
        const clearMs = Math.max(
          sinceMs,
          queueClearMs,
          cloudClearMs,
          upSinceMs,
          roomSinceMs.get(key) ?? Number.POSITIVE_INFINITY,
        );
        if (nowMs - clearMs >= patienceMs)
          judge.note(
            'failuresAreSetAside',
            `${known.queue}/${known.jobClass.name} waits for ${Math.round((nowMs - sinceMs) / minuteMs)} min, ${offer.name} of ${pool.name} has room and nothing is wrong with it`,
          );
      }
    }

    for (const pool of pools) {
      if (alive.filter(({ pool: of }) => of === pool.name).length >= pool.min) {
        shortSinceMs.delete(pool);
        continue;
      }
      const sinceMs = shortSinceMs.get(pool) ?? nowMs;
      shortSinceMs.set(pool, sinceMs);
      const able = offers.some(
        ({ name, cloud, max }) =>
          pool.offers.includes(name) &&
          nowMs -
            Math.max(
              sinceMs,
              upSinceMs,
              weather.cloudClearSinceMs(clouds.findIndex((known) => known.name === cloud)),
            ) >
            patienceMs &&
          (max === null || count(({ offer }) => offer === name) < max) &&
          count((machine) => machine.cloud === cloud) <
            (clouds.find((known) => known.name === cloud)?.max ?? Number.POSITIVE_INFINITY),
      );
      if (able)
        judge.note(
          'boundsHold',
          `pool ${pool.name} has been below its min of ${pool.min} since ${sinceMs} ms`,
        );
    }
  }

  return { look };
}
