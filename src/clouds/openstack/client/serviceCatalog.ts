import { OpenStackFailure } from './failure.ts';

export interface CatalogEntry {
  readonly type: string;
  readonly endpoints: readonly {
    readonly interface: string;
    readonly region: string | null;
    readonly url: string;
  }[];
}

export type Service = 'compute' | 'network' | 'image' | 'volume';

/** The types under which clouds enter a service, the usual one first. */
const types: Readonly<Record<Service, readonly string[]>> = {
  compute: ['compute'],
  network: ['network'],
  image: ['image'],
  volume: ['volumev3', 'block-storage', 'block-store', 'volume'],
};

export interface Place {
  readonly region: string | null;
  readonly interface: 'public' | 'internal' | 'admin';
}

/** Where a service is, without the slash at the end; null where the catalog has none of it. */
export function findEndpoint(
  catalog: readonly CatalogEntry[],
  service: Service,
  place: Place,
): string | null {
  for (const type of types[service]) {
    for (const entry of catalog.filter((one) => one.type === type)) {
      const found = entry.endpoints.filter(
        (endpoint) =>
          // Old catalogs say publicURL.
          endpoint.interface.replace(/URL$/, '') === place.interface &&
          (place.region === null || endpoint.region === place.region),
      );
      const regions = new Set(found.map((endpoint) => endpoint.region));
      if (regions.size > 1)
        throw settingsFailure(service, `several regions (${[...regions].join(', ')}): say which`);
      const [endpoint] = found;
      if (endpoint !== undefined) return endpoint.url.replace(/\/+$/, '');
    }
  }
  return null;
}

export function endpointOf(catalog: readonly CatalogEntry[], service: Service, place: Place): string {
  const url = findEndpoint(catalog, service, place);
  if (url !== null) return url;
  const where = place.region === null ? '' : ` in the region ${place.region}`;
  throw settingsFailure(service, `the catalog has no ${place.interface} endpoint of it${where}`);
}

function settingsFailure(service: Service, detail: string): OpenStackFailure {
  return new OpenStackFailure({ kind: 'settings', call: `find ${service}`, detail, sent: false });
}
