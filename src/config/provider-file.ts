import { type Expr, literal } from '../classad/expr.ts';
import { parseExpression } from '../classad/parse.ts';
import { ClassAdSyntaxError } from '../classad/syntaxError.ts';
import { kindOf, numberOf, stringOf } from '../classad/value.ts';
import type { Price } from '../model/offer.ts';
import { nameOf } from './entries.ts';
import { check } from './issues.ts';
import { didYouMean } from './nearest.ts';
import { attributeNameFault, isMultiLine, type OfferDraft, syntaxFault } from './offers.ts';
import { formatPath, showValue } from './problem.ts';
import { secretName } from './provider-ad.ts';
import type { Entry } from './references.ts';
import type { Locate, Report } from './report.ts';
import { offerSchema } from './schema.ts';
import { sizeMiBMax } from './units.ts';

/**
 * Offers as provider ads: blocks of `Name = value` lines in the old ClassAd syntax, a blank line between two, `#` for
 * comments. What an offer's fields are in the config are attributes here: Name, Cloud, Cpus, Memory (MB), Disk (KiB),
 * GPUs, Arch, OpSys, PricePerHour with PriceCurrency, Max, Requirements. `Boot_<field>` is a field of the driver's
 * `boot:`, a list or a nested ad where the field is one. All other attributes are for jobs to match.
 */

const attributesMax = 500;
const bootPrefix = 'boot_';
const sizes = { memory: { perMiB: 1, unit: 'MB' }, disk: { perMiB: 1024, unit: 'KiB' } } as const;

/** Stands for an expression that is more than a value. */
const notPlain = Symbol('expression');

interface Attribute {
  readonly name: string;
  readonly expr: Expr;
  readonly line: number;
  readonly nameColumn: number;
  readonly valueColumn: number;
}

/** One block, its attributes by their names in lower case. */
interface Block {
  readonly line: number;
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** The attribute that stands for a field of an offer. */
const attributeOfField: Readonly<Record<string, string>> = {
  name: 'Name',
  cloud: 'Cloud',
  cpus: 'Cpus',
  memory: 'Memory',
  disk: 'Disk',
  gpus: 'GPUs',
  arch: 'Arch',
  opsys: 'OpSys',
  price: 'PricePerHour',
  currency: 'PriceCurrency',
  max: 'Max',
  requirements: 'Requirements',
};
const fieldNames: ReadonlySet<string> = new Set(
  Object.values(attributeOfField).map((name) => name.toLowerCase()),
);

/** The offers of a provider-ad file; what is wrong goes to the report. */
export function readProviderFile(
  file: string,
  text: string,
  bootFieldsOf: (cloud: string) => readonly string[] | null,
  report: Report,
): readonly Entry<OfferDraft>[] {
  const blocks = readBlocks(file, text, report);
  if (blocks.length === 0 && !report.failed) {
    report.add('warning', { file, line: 1, column: 1, path: '' }, 'no provider ad in this file');
  }
  return blocks.map((block) => ({
    name: nameOf({ name: plainOf(block.attributes.get('name')?.expr) }),
    fields: draftFromBlock(file, block, bootFieldsOf, report),
    locate: locateInBlock(file, block),
  }));
}

function readBlocks(file: string, text: string, report: Report): readonly Block[] {
  const blocks: Block[] = [];
  let attributes: Map<string, Attribute> | null = null;
  for (const [index, row] of text.split('\n').entries()) {
    const line = index + 1;
    const content = row.replace(/\r$/, '');
    if (content.trim() === '') {
      attributes = null;
      continue;
    }
    if (content.trimStart().startsWith('#')) continue;
    if (attributes === null) {
      attributes = new Map();
      blocks.push({ line, attributes });
    }
    const attribute = readLine(file, content, line, report);
    if (attribute === null) continue;
    const lower = attribute.name.toLowerCase();
    const place = { file, line, column: attribute.nameColumn, path: attribute.name };
    const earlier = attributes.get(lower);
    if (earlier !== undefined) report.add('error', place, `is given twice (first in line ${earlier.line})`);
    else if (attributes.size >= attributesMax)
      report.add('error', place, `more than ${attributesMax} attributes in one ad`);
    else attributes.set(lower, attribute);
  }
  return blocks;
}

function readLine(file: string, content: string, line: number, report: Report): Attribute | null {
  const match = /^(\s*)([A-Za-z_]\w*)(\s*=\s*)(?!=)(\S.*)$/.exec(content);
  if (match === null) {
    const column = content.length - content.trimStart().length + 1;
    const bare = content.trimStart();
    const hint = bare.startsWith('[') ? '; an ad in brackets is not read here' : '';
    report.add('error', { file, line, column, path: '' }, `expected Name = value${hint}`);
    return null;
  }
  const [, indent = '', name = '', equals = '', value = ''] = match;
  const nameColumn = indent.length + 1;
  const valueColumn = nameColumn + name.length + equals.length;
  try {
    return {
      name,
      expr: parseExpression(value, { syntax: 'old', depthMax: 100 }),
      line,
      nameColumn,
      valueColumn,
    };
  } catch (error) {
    if (!(error instanceof ClassAdSyntaxError)) throw error;
    const place = { file, line, column: valueColumn + error.offset, path: name };
    report.add('error', place, `not a ClassAd expression: ${syntaxFault(error)}`);
    return null;
  }
}

function draftFromBlock(
  file: string,
  block: Block,
  bootFieldsOf: (cloud: string) => readonly string[] | null,
  report: Report,
): OfferDraft | null {
  const before = report.problems.length;
  const locate = locateInBlock(file, block);
  const plain = (field: string) =>
    plainOf(block.attributes.get((attributeOfField[field] ?? field).toLowerCase())?.expr);
  const cloud = plain('cloud');
  const bootFields = typeof cloud === 'string' ? bootFieldsOf(cloud) : null;
  const attributes: Record<string, Expr> = {};
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
  const entry = {
    name: plain('name'),
    cloud,
    cpus: plain('cpus'),
    memory: `${memory ?? 1}MiB`,
    disk: `${disk ?? 1}MiB`,
    gpus: plain('gpus'),
    arch: plain('arch'),
    opsys: plain('opsys'),
    max: plain('max'),
  };
  const checked = check(offerSchema, entry);
  if (!checked.ok) report.findings(locate, checked.findings);
  if (!checked.ok || report.problems.slice(before).some((problem) => problem.severity === 'error'))
    return null;
  const fields = checked.value;
  return {
    name: fields.name,
    cloud: fields.cloud,
    resources: { cpus: fields.cpus, memoryMiB: memory ?? 0, diskMiB: disk ?? 0, gpus: fields.gpus },
    arch: fields.arch,
    opsys: fields.opsys,
    price,
    max: fields.max,
    attributes,
    requirements,
    boot,
    locate,
  };
}

function readGeneric(attribute: Attribute, into: Record<string, Expr>, locate: Locate, report: Report): void {
  const fault = attributeNameFault(attribute.name);
  if (fault !== null) report.add('error', locate(['attributes', attribute.name], 'key'), fault);
  else if (isMultiLine(plainOf(attribute.expr))) {
    report.add(
      'error',
      locate(['attributes', attribute.name]),
      'a text with line ends or control characters',
    );
  } else into[attribute.name] = attribute.expr;
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
    const hint = didYouMean(
      attribute.name,
      known.map((name) => `Boot_${name.slice(0, 1).toUpperCase()}${name.slice(1)}`),
    );
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

function locateInBlock(file: string, block: Block): Locate {
  return (path, at = 'value') => {
    const [head = '', second, ...rest] = path;
    const nested = head === 'boot' || head === 'attributes';
    const name = nested
      ? `${head === 'boot' ? 'Boot_' : ''}${String(second ?? '')}`
      : (attributeOfField[head] ?? String(head));
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

/** What a literal, a list or an ad of such stands for; `notPlain` for an expression, undefined for none. */
function plainOf(expr: Expr | undefined): unknown {
  if (expr === undefined) return undefined;
  if (expr.kind === 'parentheses') return plainOf(expr.inner);
  if (expr.kind === 'list') {
    const items = expr.items.map(plainOf);
    return items.includes(notPlain) ? notPlain : items;
  }
  if (expr.kind === 'ad') {
    const entries = expr.ad.names().map((name) => [name, plainOf(expr.ad.get(name))] as const);
    return entries.some(([, value]) => value === notPlain) ? notPlain : Object.fromEntries(entries);
  }
  if (expr.kind !== 'literal') return notPlain;
  switch (kindOf(expr.value)) {
    case 'string':
      return stringOf(expr.value);
    case 'boolean':
      return expr.value === true;
    case 'integer':
    case 'real':
      return numberOf(expr.value);
    default:
      return notPlain;
  }
}
