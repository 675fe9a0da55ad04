import { createHash } from 'node:crypto';
import type { Catalog, CatalogFlavor, CatalogImage, Generation } from '../model/catalog.ts';
import type { Price } from '../model/offer.ts';
import { fitsPattern } from './patterns.ts';

/** Which of a catalog are to be offered: names, `*` for any characters and `?` for one. */
export interface OfferPatterns {
  /** What the names of the offers begin with. */
  readonly prefix: string;
  readonly images: readonly string[];
  /** Of the images that a pattern fits only the newest. */
  readonly newest: boolean;
  readonly flavors: readonly string[];
  /** Null: no zone is said, and the cloud chooses. */
  readonly zones: readonly string[] | null;
  /** Null: what the catalog says, or nothing. */
  readonly pricePerCpu: Price | null;
  /** Of every machine, e.g. its volume; null: the flavor's own, and flavors that have none are left out. */
  readonly disk: string | null;
  /** What jobs can have of a flavor's memory and disk: the system takes the rest. */
  readonly memoryShare: number;
  readonly diskShare: number;
}

/** Fields of an entry of the config's `offers`, as they would be written. */
export interface GeneratedOffer {
  readonly name: string;
  readonly cpus: number;
  readonly memory: string;
  readonly disk: string;
  readonly gpus: number;
  readonly arch: string;
  readonly price?: string;
  readonly boot: Readonly<Record<string, unknown>>;
}

export interface GeneratedOffers {
  readonly offers: readonly GeneratedOffer[];
  /** Flavors that were asked for and cannot be offered: their disk is not known. */
  readonly diskless: readonly string[];
}

const nameCharsMax = 40;
const digestChars = 6;

/** Offers of each image × flavor × zone that the patterns name, where the image fits the flavor: the smallest flavors first. */
export function generateOffers(
  catalog: Catalog,
  patterns: OfferPatterns,
  { bootOf }: Pick<Generation, 'bootOf'>,
): GeneratedOffers {
  const images = patterns.newest ? newestOf(catalog.images, patterns) : namedImages(catalog.images, patterns);
  const flavors = catalog.flavors.filter((flavor) => fitsAny(flavor.name, patterns.flavors));
  const zones =
    patterns.zones === null ? [null] : catalog.zones.filter((zone) => fitsAny(zone, patterns.zones ?? []));
  const hasDisk = ({ resources }: CatalogFlavor) => resources.diskMiB > 0 || patterns.disk !== null;
  const offered = flavors
    .filter(hasDisk)
    .toSorted((a, b) => a.resources.cpus - b.resources.cpus || a.resources.memoryMiB - b.resources.memoryMiB);
  const offers = images.flatMap(({ image, called }) =>
    offered
      .filter(({ arch }) => image.arch === undefined || image.arch === arch)
      .flatMap((flavor) =>
        zones.map((zone) => ({
          ...sizeOf(flavor, patterns),
          name: nameOf([patterns.prefix, flavor.name, called, ...(zone === null ? [] : [zone])]),
          boot: bootOf({ flavor: flavor.name, image, zone }),
        })),
      ),
  );
  return { offers, diskless: flavors.filter((flavor) => !hasDisk(flavor)).map(({ name }) => name) };
}

interface ChosenImage {
  readonly image: CatalogImage;
  /** In the offer's name: another image in the same place is the same offer. */
  readonly called: string;
}

/** One for each name: of several with the same name the newest. */
function namedImages(images: readonly CatalogImage[], { images: wanted }: OfferPatterns): ChosenImage[] {
  const byName = new Map<string, CatalogImage>();
  for (const image of images) {
    if (image.name === '' || !fitsAny(image.name, wanted)) continue;
    const before = byName.get(image.name);
    if (before === undefined || isNewer(image, before)) byName.set(image.name, image);
  }
  return [...byName].map(([called, image]) => ({ image, called }));
}

/** One for each pattern and architecture. */
function newestOf(images: readonly CatalogImage[], { images: wanted }: OfferPatterns): ChosenImage[] {
  return wanted.flatMap((pattern) => {
    const newest = new Map<string, CatalogImage>();
    for (const image of images) {
      if (image.name === '' || !fitsPattern(image.name, pattern)) continue;
      const before = newest.get(image.arch ?? '');
      if (before === undefined || isNewer(image, before)) newest.set(image.arch ?? '', image);
    }
    return [...newest].map(([arch, image]) => ({
      image,
      called: arch === '' ? pattern : `${pattern} ${arch}`,
    }));
  });
}

/** Where the cloud tells no times, names that count on are newer; and of equals the first that it lists. */
function isNewer(image: CatalogImage, than: CatalogImage): boolean {
  if (image.createdAt !== undefined && than.createdAt !== undefined) return image.createdAt > than.createdAt;
  return image.name > than.name;
}

function sizeOf(
  { resources, arch, prices = [] }: CatalogFlavor,
  { pricePerCpu, disk, memoryShare, diskShare }: OfferPatterns,
): Omit<GeneratedOffer, 'name' | 'boot'> {
  const { cpus, memoryMiB, diskMiB, gpus } = resources;
  const told = prices.find(({ market, zone }) => market === 'onDemand' && zone === null)?.price;
  const ofCpus = pricePerCpu === null ? null : { ...pricePerCpu, perHour: pricePerCpu.perHour * cpus };
  const price = ofCpus ?? told ?? null;
  return {
    cpus,
    memory: mib(memoryMiB * memoryShare),
    disk: disk ?? mib(diskMiB * diskShare),
    gpus,
    // As HTCondor writes it.
    arch: arch.toUpperCase(),
    ...(price === null ? {} : { price: `${Number(price.perHour.toFixed(6))} ${price.currency}/h` }),
  };
}

const mib = (size: number): string => `${Math.max(1, Math.floor(size))}MiB`;

/** Short, of letters that names of offers may have, and another for other parts. */
function nameOf(parts: readonly string[]): string {
  const plain = parts.join('-').replaceAll(/[^A-Za-z0-9._-]+/g, '_');
  const isSame = plain === parts.join('-') && parts.every((part) => !part.includes('-'));
  if (isSame && plain.length <= nameCharsMax && /^[A-Za-z0-9]/.test(plain)) return plain;
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, digestChars);
  const kept = plain.replace(/^[^A-Za-z0-9]+/, '').slice(0, nameCharsMax - digestChars - 1);
  return kept === '' ? digest : `${kept}.${digest}`;
}

function fitsAny(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => fitsPattern(name, pattern));
}
