import type { Command } from 'commander';
import { fitsPattern } from '../../config/patterns.ts';
import type { CloudConfig, SiteConfig } from '../../config/site.ts';
import { catalogDeadlineMs } from '../../daemon/catalogs.ts';
import { withDeadline } from '../../daemon/deadline.ts';
import type { Catalog, CatalogPrice } from '../../model/catalog.ts';
import { CloudError } from '../../model/errors.ts';
import type { Offer } from '../../model/offer.ts';
import { CliError, exitCodes } from '../exit.ts';
import { counted, orDash, resources, size } from '../format.ts';
import { type AskOptions, askingCommand, reportErrors, type Session, show, withDaemon } from '../session.ts';
import { printable, renderTable, type Style } from '../table.ts';

interface CatalogOptions extends AskOptions {
  readonly config?: string;
  readonly match?: string;
}

/** What `cloud catalog --json` prints. */
export interface CatalogView {
  readonly cloud: string;
  readonly driver: string;
  readonly flavors: readonly FlavorView[];
  readonly images: readonly ImageView[];
  readonly zones: readonly string[];
  /** The config's offers there. */
  readonly offers: readonly OfferView[];
}

interface Size {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
  readonly gpus: number;
}

interface FlavorView extends Size {
  readonly name: string;
  readonly arch: string;
  readonly prices: readonly PriceView[];
}

interface ImageView {
  readonly id: string;
  readonly name: string;
  readonly arch: string | null;
  readonly createdAt: string | null;
}

interface PriceView {
  readonly market: string;
  readonly zone: string | null;
  readonly perHour: number;
  readonly currency: string;
}

interface OfferView extends Size {
  readonly name: string;
  readonly market: string;
  readonly price: { readonly perHour: number; readonly currency: string } | null;
  readonly generated: boolean;
}

export function addCloud(program: Command, session: Session): void {
  const cloud = program.command('cloud').description('what clouds have');
  askingCommand(cloud, 'catalog', 'what a cloud has: flavors, images, zones, and prices where it says them')
    .argument('<name>', 'the cloud')
    .option('--config <file>', "the configuration that it is in (default: the running daemon's)")
    .option('--match <pattern>', 'only what is called so: * stands for any characters, ? for one')
    .action((name: string, options: CatalogOptions) =>
      reportErrors(session, options, async () => {
        const view = await readView(session, name, options);
        show(session, options, view, renderCatalog);
      }),
    );
}

async function readView(session: Session, name: string, options: CatalogOptions): Promise<CatalogView> {
  const { deps } = session;
  const path =
    options.config ?? (await withDaemon(session, options, (client) => client.configuration())).path;
  const { config } = await deps.loadSite(path, 'look');
  if (config === null) {
    throw new CliError(exitCodes.config, 'config', `${path} has errors: spillway check says which`);
  }
  const cloud = config.clouds.find((one) => one.name === name);
  if (cloud === undefined) {
    const known = config.clouds.map((one) => one.name).join(', ');
    throw new CliError(exitCodes.notFound, 'unknownCloud', `no cloud ${name}; there are ${known}`);
  }
  const catalog = await ask(session, cloud);
  return viewOf(catalog, { cloud, config, match: options.match ?? '*' });
}

async function ask({ deps }: Session, cloud: CloudConfig): Promise<Catalog> {
  const { clock, signal } = deps;
  try {
    const bounds = { clock, signal, ms: catalogDeadlineMs(cloud) };
    return await withDeadline((inner) => deps.readCatalog(cloud, inner), bounds);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const reason = error instanceof CloudError ? error.code : null;
    throw new CliError(exitCodes.failed, 'refused', `cloud ${cloud.name}: ${message}`, reason);
  }
}

interface Seen {
  readonly cloud: CloudConfig;
  readonly config: SiteConfig;
  readonly match: string;
}

function viewOf(catalog: Catalog, { cloud, config, match }: Seen): CatalogView {
  const isMeant = ({ name }: { readonly name: string }) => fitsPattern(name, match);
  const bySize = (a: Size, b: Size) => a.cpus - b.cpus || a.memoryMiB - b.memoryMiB;
  return {
    cloud: cloud.name,
    driver: cloud.driver,
    flavors: catalog.flavors
      .filter(isMeant)
      .map(({ name, arch, resources: of, prices = [] }) => ({
        name,
        arch,
        ...of,
        prices: prices.map(priceOf),
      }))
      .toSorted(bySize),
    images: catalog.images
      .filter(isMeant)
      .map(({ id, name, arch = null, createdAt = null }) => ({ id, name, arch, createdAt })),
    zones: catalog.zones,
    offers: config.offers.filter((offer) => offer.cloud === cloud.name).map(offerOf),
  };
}

const priceOf = ({ market, zone, price }: CatalogPrice): PriceView => ({ market, zone, ...price });

const offerOf = ({ name, market, price, resources: of, generated }: Offer): OfferView => ({
  name,
  market,
  price,
  generated: generated === true,
  ...of,
});

function renderCatalog(view: CatalogView, style: Style): readonly string[] {
  const { cloud, driver, flavors, images, zones, offers } = view;
  const flavorRows = flavors.map((flavor) => [
    flavor.name,
    flavor.cpus,
    size(flavor.memoryMiB),
    // As large as the image, or as an offer asks for.
    flavor.diskMiB === 0 ? '-' : size(flavor.diskMiB),
    flavor.gpus === 0 ? '-' : flavor.gpus,
    flavor.arch,
    orDash(pricesText(flavor.prices)),
  ]);
  const imageRows = images.map(({ id, name, arch, createdAt }) => [
    id,
    orDash(name),
    orDash(arch),
    orDash(createdAt),
  ]);
  const headed = (...headers: readonly string[]) => headers.map((header) => ({ header }));
  return [
    style.bold(printable(`cloud ${cloud} (${driver})`)),
    printable(`zones: ${zones.length === 0 ? 'none' : zones.join(', ')}`),
    '',
    ...renderTable(headed('FLAVOR', 'CPUS', 'MEMORY', 'DISK', 'GPUS', 'ARCH', 'PRICE'), flavorRows, style),
    '',
    ...renderTable(headed('IMAGE', 'NAME', 'ARCH', 'MADE'), imageRows, style),
    '',
    style.bold(counted(offers.length, 'offer')),
    ...offers.map((offer) => printable(`  ${offerText(offer)}`)),
  ];
}

/** On the spot market from the cheapest zone to the dearest; which is which, the JSON has. */
function pricesText(prices: readonly PriceView[]): string {
  const spot = prices.filter(({ market }) => market === 'spot').toSorted((a, b) => a.perHour - b.perHour);
  const [cheapest, dearest] = [spot[0], spot.at(-1)];
  const others = prices.filter(({ market }) => market !== 'spot').map(priceText);
  if (cheapest === undefined || dearest === undefined) return others.join(', ');
  const most = dearest.perHour > cheapest.perHour ? ` to ${amount(dearest)}` : '';
  return [...others, `${priceText(cheapest)}${most}`].join(', ');
}

const amount = ({ perHour }: Pick<PriceView, 'perHour'>): number => Number(perHour.toFixed(5));

function priceText({ market, zone, perHour, currency }: PriceView): string {
  const where = zone === null ? '' : ` in ${zone}`;
  return `${market === 'spot' ? 'spot ' : ''}${amount({ perHour })} ${currency}/h${where}`;
}

function offerText(offer: OfferView): string {
  const { name, market, price, generated } = offer;
  const cost = price === null ? '' : `, ${priceText({ market, zone: null, ...price })}`;
  return `${name}: ${resources(offer)}${cost}${generated ? ', generated' : ''}`;
}
