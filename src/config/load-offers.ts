import type { Offer } from '../model/offer.ts';
import { fieldOf, type LoadedEntry, nameOf, textOf } from './entries.ts';
import { besideFile, type ConfigFiles, readText } from './files.ts';
import { type CatalogReader, type GenerationParts, generateEntries, isGenerating } from './generated.ts';
import { check, shapeKeys } from './issues.ts';
import { draftFromYaml, finishOffer, type OfferDraft } from './offers.ts';
import type { ConfigurableDriver } from './parts.ts';
import { readProviderFile } from './provider-file.ts';
import type { OfferEntry } from './references.ts';
import type { Locate, Report } from './report.ts';
import type { CloudFields } from './schema.ts';

export const offerFileBytesMax = 4 * 1024 * 1024;

export interface OfferSources {
  readonly entries: readonly unknown[];
  /** Provider-ad files, as the config names them. */
  readonly files: readonly string[];
  /** Of the config. */
  readonly path: string;
  readonly at: (list: string, index: number) => Locate;
  readonly locate: Locate;
  readonly clouds: readonly LoadedEntry<CloudFields, ConfigurableDriver>[];
  readonly canAsk: GenerationParts['canAsk'];
}

export interface LoadedOffer {
  readonly offer: Offer;
  readonly draft: OfferDraft;
}

export interface LoadedOffers {
  readonly entries: readonly OfferEntry[];
  /** False where a file could not be read, or an entry has no name: others may then mean what is missing. */
  readonly complete: boolean;
  /** Those that nothing is wrong with. */
  readonly offers: readonly LoadedOffer[];
}

/** The offers of the config and of its provider-ad files, in this order, checked by their clouds' drivers. */
export async function loadOffers(
  sources: OfferSources,
  deps: { readonly files: ConfigFiles; readonly catalogs: CatalogReader | undefined },
  report: Report,
): Promise<LoadedOffers> {
  const driverOf = (cloud: string) => sources.clouds.find(({ name }) => name === cloud)?.part ?? null;
  const bootFieldsOf = (cloud: string) => shapeKeys(driverOf(cloud)?.offerSchema);
  const entries: OfferEntry[] = [];
  let complete = true;
  const { clouds, canAsk } = sources;
  const parts = { clouds, canAsk, catalogs: deps.catalogs };
  // Side by side: a cloud that is silent does not keep the others waiting.
  const generated = await Promise.all(
    sources.entries.map(async (entry, index) =>
      isGenerating(entry) ? await generateEntries(entry, parts, sources.at('offers', index), report) : null,
    ),
  );
  for (const [index, entry] of sources.entries.entries()) {
    const locate = sources.at('offers', index);
    const made = generated[index] ?? null;
    if (made === null) entries.push(writtenOffer(entry, locate, report));
    else {
      const taken = new Set(entries.flatMap(({ name }) => name ?? []));
      const others = made.entries.filter(({ name }) => name === null || !taken.has(name));
      if (others.length < made.entries.length) {
        const count = made.entries.length - others.length;
        const message = `${count} of its offers have names that are taken already: they are left out`;
        report.add('warning', locate(['generate'], 'key'), message);
      }
      entries.push(...others);
      complete &&= made.complete;
    }
  }
  for (const [index, file] of sources.files.entries()) {
    const read = await readText(deps.files, besideFile(sources.path, file), offerFileBytesMax);
    if ('wrong' in read) {
      report.add('error', sources.locate(['offerFiles', index]), `the file ${file} ${read.wrong}`);
      complete = false;
      continue;
    }
    entries.push(...readProviderFile(file, read.text, bootFieldsOf, report));
  }
  const offers = entries.flatMap((entry) => withSettings(entry, driverOf, report));
  return { entries, complete: complete && entries.every(({ name }) => name !== null), offers };
}

function writtenOffer(entry: unknown, locate: Locate, report: Report): OfferEntry {
  const fields = draftFromYaml(entry, locate, report);
  return { name: nameOf(entry), cloud: textOf(entry, 'cloud'), boot: fieldOf(entry, 'boot'), fields, locate };
}

function withSettings(
  { cloud, boot, fields, locate, generated }: OfferEntry,
  driverOf: (cloud: string) => ConfigurableDriver | null,
  report: Report,
): readonly LoadedOffer[] {
  const driver = cloud === null ? null : driverOf(cloud);
  if (driver === null) return [];
  const checked = check(driver.offerSchema, boot ?? {});
  if (!checked.ok) report.findings((path, at) => locate(['boot', ...path], at), checked.findings);
  if (!checked.ok || fields === null) return [];
  const offer = finishOffer(fields, checked.value);
  return [{ offer: generated === true ? { ...offer, generated } : offer, draft: fields }];
}
