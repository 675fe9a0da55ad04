import { CloudError } from '../../model/errors.ts';
import type { CloudDriver } from '../port.ts';
import { readCatalog } from './catalog.ts';
import { ec2Checks, serverClock } from './checks.ts';
import { connectionTo } from './client.ts';
import { exchangeThrough } from './exchange.ts';
import { exhaustedPools } from './exhausted.ts';
import { createFleet } from './fleet.ts';
import { diskMemory } from './image.ts';
import { disksFor, ec2Capabilities, runInstances } from './launch.ts';
import { findIntent, listInstances } from './list.ts';
import { offerPrices } from './prices.ts';
import type { Ec2Order } from './request.ts';
import { seatMemory } from './seats.ts';
import { type Ec2Offer, type Ec2Settings, ec2Offer, ec2Settings, poolsOf } from './settings.ts';
import { spotNotices } from './spot.ts';
import { terminate, type UnknownSince } from './terminate.ts';
import { terminationsThrough } from './terminations.ts';

/**
 * Amazon EC2, and other clouds that speak its API; one region for each cloud in the config.
 * What it asks of the account, and EC2's ways that a site should know of: docs/clouds/ec2.md.
 */
export const ec2Driver = {
  name: 'ec2',
  configSchema: ec2Settings,
  offerSchema: ec2Offer,
  capabilities: ec2Capabilities,
  generation: {
    example: {
      flavor: 'c5.large',
      image: { id: 'ami-0123456789abcdef0', name: 'example' },
      zone: 'us-east-1a',
    },
    // By its id: an image of EC2 is never another one.
    bootOf: ({ flavor, image, zone }) => ({
      image: image.id,
      type: flavor,
      ...(zone === null ? {} : { zone }),
    }),
  },

  create(settings: Ec2Settings, { site, clock, log }) {
    const connection = connectionTo(settings);
    const dates = serverClock(clock);
    const exchange = exchangeThrough({ ...connection, onDate: dates.heard });
    const disks = diskMemory(exchange);
    const exhausted = exhaustedPools(clock);
    const seats = seatMemory();
    const notices = spotNotices(exchange, log);
    const lister = { exchange, site, seats };
    const unknownSince: UnknownSince = new Map();
    const ending = { exchange, clock, unknownSince, terminations: terminationsThrough(exchange) };
    return {
      list: (signal) => listInstances(lister, notices, signal),
      async launch(anyOrder, signal) {
        const order: Ec2Order = { ...anyOrder, settings: anyOrder.settings as Ec2Offer };
        const asked = { site, order, disks: await disksFor(disks, order, signal) };
        if (order.settings.fleet !== undefined)
          return await createFleet(exchange, { seats, exhausted }, asked, signal);
        try {
          return await runInstances(exchange, asked, signal);
        } catch (error) {
          if (error instanceof CloudError && error.code === 'capacity')
            for (const pool of poolsOf(order.settings)) exhausted.note(pool, order.market);
          throw error;
        }
      },
      resolve: (intent, signal) => findIntent(lister, intent, signal),
      terminate: (instance, signal) => terminate(ending, instance, signal),
      // EC2's own API has no true figure: `max-instances` no longer says what on-demand machines are held to, and
      // that limit is in another service. A refusal for it comes as `quota`.
      quota: async () => null,
      catalog: (signal) => {
        const { imageOwners } = settings;
        return readCatalog(exchange, { imageOwners, wallMs: clock.wallNow() }, signal);
      },
      prices: (offers, signal) => offerPrices(exchange, { offers, wallMs: clock.wallNow() }, signal),
      checks: (request) => ec2Checks({ exchange, disks, lister, notices, dates, clock }, request),
      close: async () => connection.client.destroy(),
    };
  },
} satisfies CloudDriver<Ec2Settings>;
