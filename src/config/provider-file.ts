import { type Expr, literal } from '../classad/expr.ts';
import type { Price } from '../model/offer.ts';
import { type Attribute, type Block, notPlain, plainOf, readBlocks } from './ad-blocks.ts';
import { nameOf, textOf } from './entries.ts';
import { check } from './issues.ts';
import { didYouMean } from './nearest.ts';
import { attributeNameFault, isMultiLine, multiLineFault } from './offers.ts';
import { type FieldPath, formatPath, showValue } from './problem.ts';
import { secretName } from './provider-ad.ts';
import type { OfferEntry } from './references.ts';
import { createReport, type Locate, type Report } from './report.ts';
import { offerSchema } from './schema.ts';
import { sizeMiBMax } from './units.ts';

/**
 * Offers as provider ads: blocks of `Name = value` lines in the old ClassAd syntax, a blank line between two, `#` for
 * comments. What an offer's fields are in the config are attributes here: Name, Cloud, Cpus, Memory (MB), Disk (KiB),
 * GPUs, Arch, OpSys, Market, PricePerHour with PriceCurrency, Billing, Max, Requirements. `Boot_<field>` is a field of the driver's
 * `boot:`, a list or a nested ad where the field is one. All other attributes are for jobs to match.
 */

const bootPrefix = 'boot_';
const sizes = { memory: { perMiB: 1, unit: 'MB' }, disk: { perMiB: 1024, unit: 'KiB' } } as const;

/** The attribute that stands for a field of an offer. */
const attributeOfField: ReadonlyMap<string, string> = new Map([
  ['name', 'Name'],
  ['cloud', 'Cloud'],
  ['cpus', 'Cpus'],
  ['memory', 'Memory'],
  ['disk', 'Disk'],
  ['gpus', 'GPUs'],
  ['arch', 'Arch'],
  ['opsys', 'OpSys'],
  ['price', 'PricePerHour'],
  ['currency', 'PriceCurrency'],
  ['market', 'Market'],
  ['billing', 'Billing'],
  ['max', 'Max'],
  ['requirements', 'Requirements'],
]);
const fieldNames: ReadonlySet<string> = new Set(
  [...attributeOfField.values()].map((name) => name.toLowerCase()),
);

/** The offers of a provider-ad file; what is wrong goes to the report. */
export function readProviderFile(
  file: string,
  text: string,
  bootFieldsOf: (cloud: string) => readonly string[] | null,
  report: Report,
): readonly OfferEntry[] {
  const blocks = readBlocks(file, text, report);
  if (blocks.length === 0 && !report.failed) {
    report.add('warning', { file, line: 1, column: 1, path: '' }, 'no provider ad in this file');
  }
  return blocks.map((block) => {
    const own = createReport();
    const entry = entryFromBlock(file, block, bootFieldsOf, own);
    report.take(own.problems);
    return entry;
  });
}

function entryFromBlock(
  file: string,
  block: Block,
  bootFieldsOf: (cloud: string) => readonly string[] | null,
  report: Report,
): OfferEntry {
  const locate = locateInBlock(file, block);
  const plain = (field: string) =>
    plainOf(block.attributes.get((attributeOfField.get(field) ?? field).toLowerCase())?.expr);
  const cloud = plain('cloud');
  const bootFields = typeof cloud === 'string' ? bootFieldsOf(cloud) : null;
  const attributes = new Map<string, Expr>();
  const boot: Record<string, unknown> = {};
  for (const [lower, attribute] of block.attributes) {
    if (fieldNames.has(lower)) continue;
    if (lower.startsWith(bootPrefix)) readBoot(attribute, bootFields, boot, locate, report);
    else readGeneric(attribute, attributes, locate, report);
  }

  const price = priceOf(block, locate, report);
  const memory = sizeOf(block, 'memory', locate, report);
  const disk = sizeOf(block, 'disk', locate, report);
  const requirements = block.attributes.get('requirements')?.expr ?? literal(true);
  const written = {
    name: plain('name'),
    cloud,
    cpus: plain('cpus'),
    memory: `${memory ?? 1}MiB`,
    disk: `${disk ?? 1}MiB`,
    gpus: plain('gpus'),
    arch: plain('arch'),
    opsys: plain('opsys'),
    market: plain('market'),
    billing: plain('billing'),
    max: plain('max'),
  };
  const checked = check(offerSchema, written);
  if (!checked.ok)
    report.findings(
      locate,
      checked.findings.filter(({ path }) => !isBroken(block, path)),
    );
  const entry = { name: nameOf(written), cloud: textOf(written, 'cloud'), boot, locate };
  if (!checked.ok || report.failed || block.broken.size > 0) return { ...entry, fields: null };
  const { name, cloud: cloudName, cpus, gpus, arch, opsys, market, billing, max } = checked.value;
  const resources = { cpus, memoryMiB: memory ?? 0, diskMiB: disk ?? 0, gpus };
  const fields = {
    name,
    cloud: cloudName,
    resources,
    arch,
    opsys,
    market,
    price,
    billing,
    max,
    attributes: Object.fromEntries(attributes),
    requirements,
    locate,
  };
  return { ...entry, fields };
}

/** Whether the line of this field has been refused already, so that nothing more is to be said of it. */
function isBroken(block: Block, [field]: FieldPath): boolean {
  return block.broken.has((attributeOfField.get(String(field)) ?? '').toLowerCase());
}

function readGeneric(attribute: Attribute, into: Map<string, Expr>, locate: Locate, report: Report): void {
  const fault = attributeNameFault(attribute.name);
  if (fault !== null) report.add('error', locate(['attributes', attribute.name], 'key'), fault);
  else if (isMultiLine(attribute.expr)) {
    report.add('error', locate(['attributes', attribute.name]), multiLineFault);
  } else into.set(attribute.name, attribute.expr);
}

/** The driver's field by its name, without regard to case, as attributes have none. */
function readBoot(
  attribute: Attribute,
  known: readonly string[] | null,
  into: Record<string, unknown>,
  locate: Locate,
  report: Report,
): void {
  const wanted = attribute.name.slice(bootPrefix.length);
  const field = known?.find((name) => name.toLowerCase() === wanted.toLowerCase());
  if (known !== null && field === undefined) {
    const hint = didYouMean(attribute.name, known.map(bootAttribute));
    report.add('error', locate(['boot', wanted], 'key'), `unknown field${hint}`);
    return;
  }
  const value = plainOf(attribute.expr);
  if (value === notPlain) {
    report.add(
      'error',
      locate(['boot', wanted]),
      'expected a plain value: what a machine boots with is not computed',
    );
  } else if (secretName.test(wanted) && !(typeof value === 'string' && /^(file|env):/.test(value))) {
    const hint = `${attribute.name} = "file:PATH"`;
    report.add(
      'error',
      locate(['boot', wanted]),
      `a secret is not written here; put it into a file and say ${hint}`,
    );
  } else into[field ?? wanted] = value;
}

/** As one would write it. */
function bootAttribute(field: string): string {
  return `Boot_${field.slice(0, 1).toUpperCase()}${field.slice(1)}`;
}

function locateInBlock(file: string, block: Block): Locate {
  return (path, at = 'value') => {
    const [head = '', second, ...rest] = path;
    const nested = head === 'boot' || head === 'attributes';
    const name = nested
      ? head === 'boot'
        ? bootAttribute(String(second ?? ''))
        : String(second ?? '')
      : (attributeOfField.get(String(head)) ?? String(head));
    const attribute = block.attributes.get(name.toLowerCase());
    const deeper = nested ? rest : path.slice(1);
    const shown = attribute?.name ?? name;
    const start = { line: block.line, column: 1 };
    const place =
      attribute === undefined
        ? start
        : { line: attribute.line, column: at === 'key' ? attribute.nameColumn : attribute.valueColumn };
    return { file, path: shown === '' || shown === 'Boot_' ? '' : formatPath([shown, ...deeper]), ...place };
  };
}

/** A size attribute as whole MiB; null if it is missing or wrong, which is reported. */
function sizeOf(block: Block, field: 'memory' | 'disk', locate: Locate, report: Report): number | null {
  const { perMiB, unit } = sizes[field];
  const expr = block.attributes.get(field)?.expr;
  const value = plainOf(expr);
  if (block.broken.has(field)) return null;
  if (expr === undefined) report.add('error', locate([field]), 'missing');
  else if (typeof value !== 'number' || !Number.isInteger(value)) {
    report.add('error', locate([field]), `expected a whole number of ${unit}, got ${showValue(value)}`);
  } else if (value < perMiB || value > sizeMiBMax * perMiB) {
    report.add(
      'error',
      locate([field]),
      `must be from ${perMiB} to ${sizeMiBMax * perMiB} ${unit}, got ${value}`,
    );
  } else return Math.floor(value / perMiB);
  return null;
}

function priceOf(block: Block, locate: Locate, report: Report): Price | null {
  const perHour = plainOf(block.attributes.get('priceperhour')?.expr);
  const currency = plainOf(block.attributes.get('pricecurrency')?.expr) ?? 'USD';
  if (typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency)) {
    report.add('error', locate(['currency']), `expected a currency, as in "USD", got ${showValue(currency)}`);
    return null;
  }
  if (perHour === undefined) return null;
  if (typeof perHour === 'number' && perHour >= 0 && Number.isFinite(perHour)) return { perHour, currency };
  report.add(
    'error',
    locate(['price']),
    `expected the price of an hour, as in 0.12, got ${showValue(perHour)}`,
  );
  return null;
}
