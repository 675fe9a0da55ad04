import { createHash } from 'node:crypto';
import type { Catalog } from '../../model/catalog.ts';

/** Which of a catalog are to be offered: names, `*` for any characters and `?` for one. */
export interface OfferPatterns {
  /** The cloud's name in the config. */
  readonly cloud: string;
  readonly images: readonly string[];
  readonly flavors: readonly string[];
  /** Null: no zone is said, and Nova chooses. */
  readonly zones: readonly string[] | null;
}

/** An entry of the config's `offers`, as it would be written. */
export interface GeneratedOffer {
  readonly name: string;
  readonly cloud: string;
  readonly cpus: number;
  readonly memory: string;
  readonly disk: string;
  readonly gpus: number;
  readonly arch: string;
  readonly boot: {
    readonly image: { readonly name: string; readonly newest: true };
    readonly flavor: { readonly name: string };
    readonly zone?: string;
  };
}

export interface GeneratedOffers {
  readonly offers: readonly GeneratedOffer[];
  /** Flavors that were asked for and cannot be offered: their root disk is the image's, so nothing is known of it. */
  readonly diskless: readonly string[];
}

const nameCharsMax = 40;
const digestChars = 6;

/** Offers of each image × flavor × zone that the patterns name: the smallest flavors first, of an image name the newest image. */
export function generateOffers(catalog: Catalog, patterns: OfferPatterns): GeneratedOffers {
  const images = [...new Set(catalog.images.map((image) => image.name))].filter(
    (name) => name !== '' && fits(name, patterns.images),
  );
  const flavors = catalog.flavors.filter((flavor) => fits(flavor.name, patterns.flavors));
  const zones = patterns.zones === null ? [null] : catalog.zones.filter((zone) => fits(zone, patterns.zones));
  const offered = flavors
    .filter((flavor) => flavor.resources.diskMiB > 0)
    .toSorted((a, b) => a.resources.cpus - b.resources.cpus || a.resources.memoryMiB - b.resources.memoryMiB);
  const offers = images.flatMap((image) =>
    offered.flatMap((flavor) => zones.map((zone) => offerOf(patterns.cloud, image, flavor, zone))),
  );
  const diskless = flavors.filter((flavor) => flavor.resources.diskMiB === 0).map((flavor) => flavor.name);
  return { offers, diskless };
}

function offerOf(
  cloud: string,
  image: string,
  { name, resources, arch }: Catalog['flavors'][number],
  zone: string | null,
): GeneratedOffer {
  return {
    name: nameOf([cloud, name, image, ...(zone === null ? [] : [zone])]),
    cloud,
    cpus: resources.cpus,
    memory: `${resources.memoryMiB}MiB`,
    disk: `${resources.diskMiB}MiB`,
    gpus: resources.gpus,
    // As HTCondor writes it.
    arch: arch.toUpperCase(),
    boot: {
      image: { name: image, newest: true },
      flavor: { name },
      ...(zone === null ? {} : { zone }),
    },
  };
}

/** Short, of letters that names of offers may have, and another for other parts. */
function nameOf(parts: readonly string[]): string {
  const plain = parts.join('-').replaceAll(/[^A-Za-z0-9._-]+/g, '_');
  const isSame = plain === parts.join('-') && parts.every((part) => !part.includes('-'));
  if (isSame && plain.length <= nameCharsMax && /^[A-Za-z0-9]/.test(plain)) return plain;
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, digestChars);
  const kept = plain.replace(/^[^A-Za-z0-9]+/, '').slice(0, nameCharsMax - digestChars - 1);
  return kept === '' ? digest : `${kept}.${digest}`;
}

function fits(name: string, patterns: readonly string[] | null): boolean {
  return (patterns ?? []).some((pattern) => {
    const source = pattern.replaceAll(/[\\^$.*+?()[\]{}|]/g, (special) =>
      special === '*' ? '.*' : special === '?' ? '.' : `\\${special}`,
    );
    return new RegExp(`^${source}$`, 'su').test(name);
  });
}
