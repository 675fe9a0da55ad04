import { type AttributeRecord, type ClassAd, exprOfPlain, withAttributes } from '../../classad/ad.ts';
import { evaluateAttribute } from '../../classad/evaluate.ts';
import type { BinaryOperator, Expr } from '../../classad/expr.ts';
import { parseExpression } from '../../classad/parse.ts';
import { unparse } from '../../classad/unparse.ts';
import { numberOf, stringOf, truthOf } from '../../classad/value.ts';
import { referencesOf } from './references.ts';
import { cloudsNamed, type VmSettings, type VmWord } from './vm-settings.ts';

/** What Cloud Scheduler's words in a job's ad come to. */
export interface VmWishes {
  /** What offers are matched with; null: the job's own ad, as its words ask for nothing more. */
  readonly bootAd: ClassAd | null;
  /** Its machine stays so long after its last job. */
  readonly keepAliveMs: number;
  /** In the offers' currency. */
  readonly pricePerHourMax: number | null;
  readonly isUrgent: boolean;
  /** Words that cannot be understood, one sentence each. */
  readonly remarks: readonly string[];
}

const kibPerGb = 1024 * 1024;
const minuteMs = 60_000;

/**
 * Reads Cloud Scheduler's words, strings or numbers. They say which machine is to be booted, and never where the scheduler
 * starts the job: so they become conditions of an ad for offers alone, and the job's own Requirements hold beside them.
 * `VMCPUCores`, `VMMem` and `VMStorage` are what one job takes of a machine, or with `VMJobPerCore` what the machine
 * has at least. A word that cannot be understood is a condition that no offer fulfils, never one that is left out.
 */
export function readVmWords(job: ClassAd, settings: VmSettings): VmWishes {
  const words = wordsOf(job, settings);
  const remarks: string[] = [];
  const clauses: Expr[] = [];
  const said: Record<string, AttributeRecord[string]> = {};

  /** Undefined: not said, or nothing. */
  const number = (word: VmWord): number | undefined => {
    const found = words.number(word);
    if (found === undefined) return undefined;
    if (found === null || !(found >= 0)) {
      remarks.push(`${word} is not a number: ${shown(words.ad.get(word))}`);
      clauses.push(parsed(`MY.${word} >= 0`));
      return undefined;
    }
    said[word] = found;
    return found > 0 ? found : undefined;
  };

  const targets = words.text('TargetClouds');
  if (targets !== null) {
    said.TargetClouds = listed(targets)
      .flatMap((name) => cloudsNamed(name, settings))
      .join(',');
    clauses.push(parsed('stringListIMember(TARGET.SpillwayCloud, MY.TargetClouds)'));
  }
  // Where Requirements ask for it they have the word.
  if (words.text('VMType') !== null && !referencesOf(job, 'Requirements').target.has('vmtype'))
    clauses.push(parsed('TARGET.VMType =?= MY.VMType'));

  const images = imagesNamed(words, settings);
  if (images.length > 0) clauses.push(perCloud('VMImage', images));
  const types = words.text('VMInstanceType');
  if (types !== null) clauses.push(perCloud('VMInstanceType', choicesOf(types, settings)));
  for (const word of ['VMNetwork', 'VMUserData', 'VMAMIConfig'] as const) {
    const name = words.text(word);
    if (name !== null) clauses.push(parsed(`TARGET.${word} == MY.${word}`));
    if (name !== null) said[word] = name;
  }
  const arch = words.text('VMCPUArch');
  if (arch !== null) clauses.push(archClause(arch));

  const isShared = words.flag('VMJobPerCore');
  for (const { word, request, has, scale } of sizes) {
    const least = number(word);
    if (least === undefined) continue;
    if (isShared) clauses.push(parsed(`TARGET.${has} >= MY.${word}${scale === 1 ? '' : ` * ${scale}`}`));
    else said[request] = raised(job.get(request), least * scale);
  }
  const priceMax = number('VMMaximumPrice');
  const units = settings.priceUnit === 'hundredth' ? 100 : 1;
  // What a spot machine costs, its market says when one is to be booted.
  if (priceMax !== undefined)
    clauses.push(
      parsed(
        `TARGET.Market == "spot" || TARGET.PricePerHour${units === 1 ? '' : ` * ${units}`} <= MY.VMMaximumPrice`,
      ),
    );
  const keepAlive = words.number('VMKeepAlive');
  if (keepAlive === null) remarks.push(`VMKeepAlive is not a number: ${shown(words.ad.get('VMKeepAlive'))}`);

  const isPlain = clauses.length === 0 && !sizes.some(({ request }) => request in said);
  return {
    bootAd: isPlain ? null : withAttributes(words.ad, { ...said, ...requirements(job, clauses) }),
    keepAliveMs: Math.min(settings.keepAliveMaxMs, Math.max(0, (keepAlive ?? 0) * minuteMs)),
    pricePerHourMax: priceMax === undefined ? null : priceMax / units,
    isUrgent: words.flag('VMHighPriority'),
    remarks,
  };
}

const sizes = [
  { word: 'VMCPUCores', request: 'RequestCpus', has: 'Cpus', scale: 1 },
  { word: 'VMMem', request: 'RequestMemory', has: 'Memory', scale: 1 },
  { word: 'VMStorage', request: 'RequestDisk', has: 'Disk', scale: kibPerGb },
] as const;

interface Words {
  /** The job with the defaults of what it does not say. */
  readonly ad: ClassAd;
  /** Null: not said, or not heeded. */
  text(word: VmWord): string | null;
  /** Null: said, and no number. Undefined: not said. */
  number(word: VmWord): number | null | undefined;
  flag(word: VmWord): boolean;
}

function wordsOf(job: ClassAd, { defaults, ignore }: VmSettings): Words {
  const missing = Object.entries(defaults).filter(([word]) => !job.has(word));
  const ad = missing.length === 0 ? job : withAttributes(job, Object.fromEntries(missing));
  const valueSaid = (word: VmWord) =>
    ignore.has(word) || !ad.has(word) ? undefined : evaluateAttribute(ad, word);
  const text = (word: VmWord): string | null => {
    const value = valueSaid(word);
    if (value === undefined) return null;
    const found = stringOf(value) ?? unparse(value, 'old');
    return found.trim() === '' ? null : found.trim();
  };
  return {
    ad,
    text,
    number: (word) => {
      const found = text(word);
      if (found === null) return undefined;
      const value = valueSaid(word);
      const plain = value === undefined ? null : numberOf(value);
      if (plain !== null && typeof value !== 'boolean') return plain;
      return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/.test(found) ? Number(found) : null;
    },
    flag: (word) => {
      const value = valueSaid(word);
      if (value === undefined) return false;
      const written = stringOf(value);
      if (written === null) return truthOf(value) === true;
      return /^(?:true|yes|[1-9]\d*)$/i.test(written.trim());
    },
  };
}

function listed(names: string): readonly string[] {
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** What is wanted of an offer, of any cloud (null) or of some alone. */
interface Choice {
  readonly clouds: readonly string[] | null;
  readonly name: string;
}

/** `name`, or `cloud:name, cloud:name`. */
function choicesOf(text: string, settings: VmSettings): readonly Choice[] {
  return listed(text).map((part) => {
    const [, cloud, name] = /^([^:/]+):([^:]*)$/.exec(part) ?? [];
    if (cloud === undefined || name === undefined) return { clouds: null, name: part };
    return { clouds: cloudsNamed(cloud.trim(), settings), name: name.trim() };
  });
}

function imagesNamed(words: Words, settings: VmSettings): readonly Choice[] {
  const ours = (name: string) => settings.images.get(name) ?? name;
  const location = words.text('VMLoc');
  const lists = [words.text('VMAMI'), words.text('VMImage')].flatMap((list) => {
    if (list === null) return [];
    // A name of the config may have any sign in it.
    return settings.images.has(list) ? [{ clouds: null, name: list }] : choicesOf(list, settings);
  });
  const all: readonly Choice[] = location === null ? lists : [...lists, { clouds: null, name: location }];
  const seen = new Map(
    all.map(({ clouds, name }) => [`${clouds?.join() ?? ''}\n${ours(name)}`, { clouds, name: ours(name) }]),
  );
  return [...seen.values()];
}

/** One of the choices; what is said for a cloud goes before what is said for any, there. */
function perCloud(attribute: string, choices: readonly Choice[]): Expr {
  const named = choices.flatMap(({ clouds }) => clouds ?? []);
  return anyOf(
    choices.map(({ clouds, name }) => {
      const is = isText(attribute, name);
      if (clouds !== null) return binary('&&', isAmong('SpillwayCloud', clouds), is);
      if (named.length === 0) return is;
      return binary('&&', { kind: 'unary', operator: '!', operand: isAmong('SpillwayCloud', named) }, is);
    }),
  );
}

const archs: ReadonlyMap<string, readonly string[]> = new Map([
  ['x86', ['INTEL', 'X86_64']],
  ['i386', ['INTEL', 'X86_64']],
  ['i686', ['INTEL', 'X86_64']],
  ['amd64', ['X86_64']],
  ['arm64', ['AARCH64']],
]);

function archClause(name: string): Expr {
  return anyOf((archs.get(name.toLowerCase()) ?? [name]).map((arch) => isText('Arch', arch)));
}

// A text of a job is put into an expression as a literal, and never by way of syntax.

function isText(attribute: string, text: string): Expr {
  return binary('==', parsed(`TARGET.${attribute}`), exprOfPlain(text));
}

function isAmong(attribute: string, texts: readonly string[]): Expr {
  const args = [parsed(`TARGET.${attribute}`), exprOfPlain(texts.join(','))];
  return { kind: 'call', name: 'stringListIMember', args };
}

function anyOf(exprs: readonly Expr[]): Expr {
  const [first = exprOfPlain(false), ...rest] = exprs;
  return rest.reduce((left, right) => binary('||', left, right), first);
}

function binary(operator: BinaryOperator, left: Expr, right: Expr): Expr {
  return { kind: 'binary', operator, left, right };
}

function shown(expr: Expr | undefined): string {
  return expr === undefined ? 'nothing' : unparse(expr, 'old').slice(0, 200);
}

function parsed(text: string): Expr {
  return parseExpression(text, { syntax: 'old' });
}

/** The request, and so much at least. */
function raised(request: Expr | undefined, least: number): Expr {
  if (request === undefined) return exprOfPlain(least);
  const plain = request.kind === 'literal' ? numberOf(request.value) : null;
  if (plain !== null) return exprOfPlain(Math.max(plain, least));
  const known: Expr = { kind: 'elvis', left: { kind: 'parentheses', inner: request }, right: exprOfPlain(0) };
  return { kind: 'call', name: 'max', args: [{ kind: 'list', items: [known, exprOfPlain(least)] }] };
}

function requirements(job: ClassAd, clauses: readonly Expr[]): AttributeRecord {
  const own = job.get('Requirements');
  // A job without Requirements matches nothing, whatever else it says.
  if (own === undefined || clauses.length === 0) return {};
  const both = clauses.reduce<Expr>(
    (left, clause) => binary('&&', left, { kind: 'parentheses', inner: clause }),
    { kind: 'parentheses', inner: own },
  );
  return { Requirements: both };
}
