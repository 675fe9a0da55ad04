import {
  DescribeInstancesCommand,
  type DescribeInstancesCommandInput,
  type Filter,
  type Instance,
  type Reservation,
} from '@aws-sdk/client-ec2';
import type { CloudInstance } from '../../model/cloud.ts';
import type { IntentId, SiteId } from '../../model/ids.ts';
import { cloudErrorOf, MalformedAnswer } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { bearsMark, bySeat, isOfFleet, listedInstance } from './instances.ts';
import { literalFilter, markTags } from './mark.ts';
import { allPages } from './pages.ts';
import type { SeatMemory } from './seats.ts';
import { isLivingSpot, type SpotNotices } from './spot.ts';

const action = 'DescribeInstances';
const pageInstances = 1000;

export interface Lister {
  readonly exchange: Exchange;
  readonly site: SiteId;
  readonly seats: SeatMemory;
}

/** Every instance that bears the site's mark, with EC2's notices; throws rather than leave one out. */
export async function listInstances(
  lister: Lister,
  notices: SpotNotices,
  signal: AbortSignal,
): Promise<readonly CloudInstance[]> {
  const { exchange, site, seats } = lister;
  const rows = await describeAll(exchange, [siteFilter(site)], signal);
  // A server that does not know a filter may drop it silently and answer with everybody's machines.
  const ours = rows.filter((row) => bearsMark(row, site));
  const instances = wellFormed(() => seated(ours, seats));
  const spot = new Set(ours.filter(isLivingSpot).map((row) => row.InstanceId ?? ''));
  return await notices.add(instances, spot, signal);
}

/** What has a launch index has its seat by that; machines of a fleet are given theirs here. */
function seated(rows: readonly Instance[], seats: SeatMemory): readonly CloudInstance[] {
  const single: CloudInstance[] = [];
  const ofFleets = new Map<IntentId, CloudInstance[]>();
  for (const row of rows) {
    const instance = listedInstance(row);
    if (!isOfFleet(row)) single.push(instance);
    else ofFleets.set(instance.intent, [...(ofFleets.get(instance.intent) ?? []), instance]);
  }
  return [...single, ...[...ofFleets].flatMap(([intent, machines]) => seats.seat(intent, machines))];
}

/** What an intent made: by its token, which the instance has from its first moment on, else by its tag. */
export async function findIntent(
  { exchange, site, seats }: Lister,
  intent: IntentId,
  signal: AbortSignal,
): Promise<readonly CloudInstance[]> {
  for (const name of ['client-token', `tag:${markTags.intent}`]) {
    const filters = [siteFilter(site), { Name: name, Values: [literalFilter(intent)] }];
    const rows = await describeAll(exchange, filters, signal);
    const found = wellFormed(() =>
      seated(
        rows.filter((row) => bearsMark(row, site)),
        seats,
      ).filter((instance) => instance.intent === intent),
    );
    if (found.length > 0) return found.toSorted(bySeat);
  }
  return [];
}

function siteFilter(site: SiteId): Filter {
  return { Name: `tag:${markTags.site}`, Values: [literalFilter(site)] };
}

async function describeAll(
  exchange: Exchange,
  filters: readonly Filter[],
  signal: AbortSignal,
): Promise<readonly Instance[]> {
  const rows = await allPages(action, async (token) => {
    const input: DescribeInstancesCommandInput = { Filters: [...filters], MaxResults: pageInstances };
    if (token !== undefined) input.NextToken = token;
    const page = await exchange(new DescribeInstancesCommand(input), { action, write: false, signal });
    return { rows: wellFormed(() => rowsOf(page.Reservations)), next: page.NextToken };
  });
  // One may be on two pages when others come or go between them: the later row is the fresher.
  return [...new Map(rows.map((row) => [row.InstanceId, row])).values()];
}

function rowsOf(reservations: readonly Reservation[] | undefined): readonly Instance[] {
  if (reservations === undefined) throw new MalformedAnswer('no list of reservations');
  return reservations.flatMap((reservation) => {
    if (reservation.Instances === undefined) throw new MalformedAnswer('a reservation without instances');
    return reservation.Instances;
  });
}

/** A row that cannot be read spoils the list: what is left out would count as vanished. */
function wellFormed<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw cloudErrorOf(thrown, { action, write: false, handedOver: true, aborted: false, secrets: [] });
  }
}
