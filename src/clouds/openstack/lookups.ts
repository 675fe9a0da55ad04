import type { Clock } from '../../model/clock.ts';
import { CloudError } from '../../model/errors.ts';
import type { OpenStack } from './client/client.ts';
import type { Flavor } from './client/compute.ts';
import type { Image } from './client/image.ts';
import { gpusOf } from './flavors.ts';
import type { FlavorChoice, ImageChoice } from './offer.ts';

/** What a name means is asked again after so long: a newer image may have taken it over. */
const rememberedMs = 5 * 60_000;
const rememberedMax = 1000;

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

export const isId = (text: string): boolean => uuid.test(text);

/** Names of a config as the ids that Nova takes. A UUID is an id and is not asked for. Throws CloudErrors and the client's. */
export interface Lookups {
  image(choice: ImageChoice, signal: AbortSignal): Promise<string>;
  flavor(choice: FlavorChoice, signal: AbortSignal): Promise<string>;
  network(nameOrId: string, signal: AbortSignal): Promise<string>;
  serverGroup(nameOrId: string, signal: AbortSignal): Promise<string>;
  /** After Nova has refused what was found: it may have been replaced. */
  forget(): void;
}

export function lookupsAt(connect: () => Promise<OpenStack>, clock: Clock): Lookups {
  const known = new Map<string, { readonly value: unknown; readonly atMs: number }>();

  async function remembered<T>(key: string, find: () => Promise<T>): Promise<T> {
    const entry = known.get(key);
    if (entry !== undefined && clock.monotonicNow() - entry.atMs < rememberedMs) return entry.value as T;
    const value = await find();
    if (known.size >= rememberedMax) known.clear();
    known.set(key, { value, atMs: clock.monotonicNow() });
    return value;
  }

  return {
    async image(choice, signal) {
      if (typeof choice === 'string' && isId(choice)) return choice;
      if (typeof choice === 'object' && choice.id !== undefined) return choice.id;
      return remembered(`image ${JSON.stringify(choice)}`, async () => {
        const wanted = typeof choice === 'string' ? { name: choice, newest: false } : choice;
        const { image } = await connect();
        const filter = wanted.name === undefined ? (wanted.properties ?? {}) : { name: wanted.name };
        const fits = (await image.images(filter, signal)).filter((row) => isWanted(row, wanted));
        const newestFirst = fits.toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1));
        const what = wanted.name ?? JSON.stringify(wanted.properties);
        const all = wanted.newest ? newestFirst.slice(0, 1) : newestFirst;
        return only('image', what, all, 'say the id, or `newest: true`').id;
      });
    },

    flavor: (choice, signal) =>
      remembered(`flavor ${JSON.stringify(choice)}`, async () => {
        const flavors = await remembered('flavors', async () => (await connect()).compute.flavors(signal));
        return pickFlavor(flavors, choice).id;
      }),

    async network(nameOrId, signal) {
      if (isId(nameOrId)) return nameOrId;
      return remembered(`network ${nameOrId}`, async () => {
        const { network } = await connect();
        const fits = (await network.networks(nameOrId, signal)).filter((row) => row.name === nameOrId);
        return only('network', nameOrId, fits, 'say the id').id;
      });
    },

    async serverGroup(nameOrId, signal) {
      if (isId(nameOrId)) return nameOrId;
      return remembered(`group ${nameOrId}`, async () => {
        const { compute } = await connect();
        const fits = (await compute.serverGroups(signal)).filter((row) => row.name === nameOrId);
        return only('server group', nameOrId, fits, 'say the id').id;
      });
    },

    forget: () => known.clear(),
  };
}

/** Glance gives a meaning to some texts of a filter (`in:…`), so each row is looked at again. */
function isWanted(
  row: Image,
  wanted: {
    readonly name?: string | undefined;
    readonly properties?: Readonly<Record<string, string>> | undefined;
  },
): boolean {
  if (wanted.name !== undefined && row.name !== wanted.name) return false;
  return Object.entries(wanted.properties ?? {}).every(([key, value]) => row[key] === value);
}

function only<Row>(kind: string, name: string, rows: readonly Row[], hint: string): Row {
  const [row] = rows;
  if (row === undefined) throw new CloudError('notFound', `there is no ${kind} ${name}`);
  if (rows.length > 1) throw new CloudError('invalid', `${rows.length} ${kind}s are called ${name}: ${hint}`);
  return row;
}

/** By name before id: ids of flavors are short texts that a name may look like. */
export function pickFlavor(flavors: readonly Flavor[], choice: FlavorChoice): Flavor {
  if (typeof choice === 'object' && 'fit' in choice) return smallest(flavors, choice.fit);
  const found =
    typeof choice === 'string'
      ? (flavors.find((row) => row.name === choice) ?? flavors.find((row) => row.id === choice))
      : flavors.find((row) => ('id' in choice ? row.id === choice.id : row.name === choice.name));
  if (found !== undefined) return found;
  const name = typeof choice === 'string' ? choice : 'id' in choice ? choice.id : choice.name;
  throw new CloudError('notFound', `there is no flavor ${name}`);
}

type Fit = Extract<FlavorChoice, { readonly fit: unknown }>['fit'];

function smallest(flavors: readonly Flavor[], fit: Fit): Flavor {
  const fits = flavors.filter(
    (row) =>
      row.vcpus >= fit.cpus &&
      row.ram >= fit.memory &&
      (fit.disk === undefined || row.disk * 1024 >= fit.disk) &&
      gpusOf(row) >= fit.gpus &&
      row.name.startsWith(fit.prefix ?? ''),
  );
  const bySize = (a: Flavor, b: Flavor) =>
    gpusOf(a) - gpusOf(b) ||
    a.vcpus - b.vcpus ||
    a.ram - b.ram ||
    a.disk - b.disk ||
    (a.name < b.name ? -1 : 1);
  const [found] = fits.toSorted(bySize);
  if (found === undefined) throw new CloudError('notFound', 'no flavor has as much as the offer asks for');
  return found;
}
