import type { Catalog } from '../model/catalog.ts';
import { cloudOf } from './build.ts';
import { fieldOf, type LoadedEntry } from './entries.ts';
import { type GeneratedOffer, generateOffers } from './generate.ts';
import { check } from './issues.ts';
import { draftFromYaml } from './offers.ts';
import type { ConfigurableDriver } from './parts.ts';
import { checkName, type OfferEntry } from './references.ts';
import { createReport, type Locate, type Report } from './report.ts';
import { type CloudFields, type GeneratedOfferFields, generatedOfferSchema } from './schema.ts';
import type { CloudConfig } from './site.ts';

/** What is known of a cloud's catalog when a config is read. */
export type CatalogAnswer =
  /** `note`: what is to be said of it, as that it is an old one; null: nothing. */
  | { readonly kind: 'known'; readonly catalog: Catalog; readonly note: string | null }
  | { readonly kind: 'unknown'; readonly why: string };

/** Asks a cloud, whose secrets have been read, or remembers what it said. Never throws. */
export type CatalogReader = (cloud: CloudConfig) => Promise<CatalogAnswer>;

type LoadedCloud = LoadedEntry<CloudFields, ConfigurableDriver>;

export interface GenerationParts {
  readonly clouds: readonly LoadedCloud[];
  /** Absent: no cloud is asked, and what they have is not known. */
  readonly catalogs: CatalogReader | undefined;
  /** Whether a cloud can be asked: false where a secret of it cannot be read, which is said elsewhere. */
  readonly canAsk: (cloud: LoadedCloud) => Promise<boolean>;
}

export interface Generated {
  readonly entries: readonly OfferEntry[];
  /** False where there may be more. */
  readonly complete: boolean;
}

const none: Generated = { entries: [], complete: false };

/** Whether an entry of `offers` stands for what a cloud's catalog has. */
export const isGenerating = (entry: unknown): boolean => fieldOf(entry, 'generate') !== undefined;

/** The offers that an entry stands for. What is wrong with it is said whether or not the cloud answers. */
export async function generateEntries(
  entry: unknown,
  { clouds, catalogs, canAsk }: GenerationParts,
  locate: Locate,
  report: Report,
): Promise<Generated> {
  const checked = check(generatedOfferSchema, entry);
  if (!checked.ok) {
    report.findings(locate, checked.findings);
    return none;
  }
  const fields = checked.value;
  const names = clouds.flatMap(({ name }) => name ?? []);
  if (!checkName('cloud', fields.cloud, names, locate(['cloud']), report)) return none;
  const cloud = clouds.find(({ name }) => name === fields.cloud);
  const generation = cloud?.part?.generation;
  if (cloud === undefined || cloud.part === null) return none;
  if (generation === undefined) {
    report.add('error', locate(['generate'], 'key'), 'offers of this kind of cloud are written out');
    return none;
  }
  const { example } = generation;
  const sample: GeneratedOffer = {
    name: 'example',
    cpus: 1,
    memory: '1GiB',
    disk: '1GiB',
    gpus: 0,
    arch: 'X86_64',
    boot: generation.bootOf({ ...example, zone: fields.generate.zones === undefined ? null : example.zone }),
  };
  if (!isWell(entry, sample, cloud.part, locate, report)) return none;
  if (catalogs === undefined || cloud.fields === null || !cloud.ok || !(await canAsk(cloud))) return none;
  const answer = await catalogs(cloudOf(cloud.fields, cloud.settings));
  if (answer.kind === 'unknown') {
    const message = `the catalog of ${fields.cloud} is not known, and none of its offers: ${answer.why}`;
    report.add('warning', locate(['generate'], 'key'), message);
    return none;
  }
  if (answer.note !== null) report.add('warning', locate(['generate'], 'key'), answer.note);
  return made(entry, { fields, cloud: cloud.part, catalog: answer.catalog }, locate, report);
}

/** The entry as it is, with an example of what the catalog adds: its own fields are right or wrong by themselves. */
function isWell(
  entry: unknown,
  sample: GeneratedOffer,
  driver: ConfigurableDriver,
  locate: Locate,
  report: Report,
): boolean {
  const written = asWritten(entry, sample);
  const draft = draftFromYaml(written, locate, report);
  const settings = check(driver.offerSchema, fieldOf(written, 'boot'));
  if (!settings.ok) {
    report.findings((path, at) => locate(['boot', ...path], at), settings.findings);
  }
  return draft !== null && settings.ok;
}

interface Making {
  readonly fields: GeneratedOfferFields;
  readonly cloud: ConfigurableDriver;
  readonly catalog: Catalog;
}

function made(entry: unknown, { fields, cloud, catalog }: Making, locate: Locate, report: Report): Generated {
  const { generate, disk } = fields;
  const { generation } = cloud;
  if (generation === undefined) return none;
  const patterns = {
    prefix: fields.name ?? fields.cloud,
    images: generate.images,
    newest: generate.newest,
    flavors: generate.flavors,
    zones: generate.zones ?? null,
    pricePerCpu: generate.pricePerCpu ?? null,
    disk: disk === undefined ? null : `${disk}MiB`,
    memoryShare: generate.memoryShare,
    diskShare: generate.diskShare,
  };
  const { offers, diskless } = generateOffers(catalog, patterns, generation);
  const place = locate(['generate'], 'key');
  if (offers.length > generate.max) {
    const message = `${offers.length} offers are more than \`max\` (${generate.max}): fewer flavors, images or zones, or a greater max`;
    report.add('error', place, message);
    return none;
  }
  if (offers.length === 0) {
    const { flavors, images, zones } = catalog;
    const has = `${flavors.length} flavors, ${images.length} images and ${zones.length} zones`;
    report.add('warning', place, `nothing of the cloud's ${has} fits`);
  }
  if (diskless.length > 0) {
    const shown = diskless.slice(0, 5).join(', ');
    const more = diskless.length > 5 ? ` and ${diskless.length - 5} more` : '';
    const message = `left out, as their disk is not known: ${shown}${more}; say \`disk\``;
    report.add('warning', place, message);
  }
  const entries = offers.flatMap((offer): readonly OfferEntry[] => {
    const written = asWritten(entry, offer);
    const own = createReport();
    const draft = draftFromYaml(written, locate, own);
    for (const { severity, path, message } of own.problems) {
      report.add(severity, place, `${offer.name}: ${path}: ${message}`);
    }
    if (draft === null) return [];
    const boot = fieldOf(written, 'boot');
    return [{ name: offer.name, cloud: fields.cloud, boot, fields: draft, locate, generated: true }];
  });
  return { entries, complete: entries.length === offers.length };
}

/** What the catalog says goes before what the entry says, but for the price; in `boot` the two are laid over each other. */
function asWritten(entry: unknown, offer: GeneratedOffer): Readonly<Record<string, unknown>> {
  const own = typeof entry === 'object' && entry !== null ? Object.entries(entry) : [];
  const { generate: _, ...kept } = Object.fromEntries(own);
  const boot: unknown = kept.boot;
  const common = typeof boot === 'object' && boot !== null ? boot : {};
  const price = kept.price === undefined ? {} : { price: kept.price };
  return { ...kept, ...offer, ...price, boot: { ...common, ...offer.boot } };
}
