import { exprOfPlain } from '../classad/ad.ts';
import type { Expr } from '../classad/expr.ts';
import { parseExpression } from '../classad/parse.ts';
import { ClassAdSyntaxError } from '../classad/syntaxError.ts';
import { unparse } from '../classad/unparse.ts';
import type { Billing, Market } from '../model/billing.ts';
import { CloudName, OfferName } from '../model/ids.ts';
import type { Offer, Price } from '../model/offer.ts';
import type { Resources } from '../model/resources.ts';
import { check } from './issues.ts';
import {
  fieldOfAttribute,
  offerTerms,
  ownAttributes,
  providerAd,
  publishedAttributes,
  secretName,
} from './provider-ad.ts';
import type { Locate, Report } from './report.ts';
import { type AttributeValue, type OfferFields, offerSchema } from './schema.ts';

type AdValue = Expr | Exclude<AttributeValue, { readonly expr: string }>;

/** An offer whose own fields are right; what its driver needs is not checked yet. */
export interface OfferDraft {
  readonly name: string;
  readonly cloud: string;
  readonly resources: Resources;
  readonly arch: string;
  readonly opsys: string;
  readonly market: Market;
  readonly price: Price | null;
  readonly billing: Billing;
  readonly max: number | null;
  readonly attributes: Readonly<Record<string, AdValue>>;
  readonly requirements: Expr;
  /** `cloud`, `boot`, … in the file that the offer came from. */
  readonly locate: Locate;
}

/** An entry of the config's `offers`; null if something is wrong with it. */
export function draftFromYaml(entry: unknown, locate: Locate, report: Report): OfferDraft | null {
  const checked = check(offerSchema, entry);
  if (!checked.ok) {
    report.findings(locate, checked.findings);
    return null;
  }
  const fields: OfferFields = checked.value;
  const requirements = parseAt(fields.requirements, locate, ['requirements'], report);
  const attributes = new Map<string, AdValue>();
  let ok = requirements !== null && checkNames(Object.keys(fields.attributes), locate, report);
  for (const [name, value] of Object.entries(fields.attributes)) {
    const isExpr = typeof value === 'object' && 'expr' in value;
    const parsed = isExpr ? parseAt(value.expr, locate, ['attributes', name, 'expr'], report) : value;
    if (parsed === null) ok = false;
    else if (isMultiLine(parsed)) {
      report.add('error', locate(['attributes', name]), multiLineFault);
      ok = false;
    } else attributes.set(name, parsed);
  }
  if (!ok || requirements === null) return null;
  return {
    name: fields.name,
    cloud: fields.cloud,
    resources: { cpus: fields.cpus, memoryMiB: fields.memory, diskMiB: fields.disk, gpus: fields.gpus },
    arch: fields.arch,
    opsys: fields.opsys,
    market: fields.market,
    price: fields.price ?? null,
    billing: fields.billing,
    max: fields.max,
    attributes: Object.fromEntries(attributes),
    requirements,
    locate,
  };
}

/** The offer, once its driver's schema has turned `boot` into settings. */
export function finishOffer(draft: OfferDraft, settings: unknown): Offer {
  return {
    name: OfferName(draft.name),
    cloud: CloudName(draft.cloud),
    ad: providerAd({ ...draft, offer: draft.name }),
    published: { ...publishedAttributes(draft.attributes), ...publishedAttributes(offerTerms(draft)) },
    resources: draft.resources,
    market: draft.market,
    price: draft.price,
    billing: draft.billing,
    max: draft.max,
    settings,
  };
}

const keywords: ReadonlySet<string> = new Set(['true', 'false', 'undefined', 'error', 'is', 'isnt']);
const controlCharacter = /\p{Cc}/u;
export const multiLineFault = 'a text with line ends or control characters cannot be published';

/** What is wrong with an attribute's name, in a config as in a provider ad; null if nothing is. */
export function attributeNameFault(name: string): string | null {
  const lower = name.toLowerCase();
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,79}$/.test(name) || keywords.has(lower)) {
    return 'not an attribute name: letters, digits and "_" only, beginning with no digit';
  }
  if (secretName.test(name)) {
    return 'a secret does not belong in an ad that jobs are matched against; give it to the cloud as file:PATH (or env:NAME)';
  }
  return ownAttributes.has(lower) ? 'is set for every offer and cannot be changed' : null;
}

/** Whether an attribute would not fit on a line of HTCondor configuration: a text in it has line ends or the like. */
export function isMultiLine(value: AdValue): boolean {
  return controlCharacter.test(unparse(exprOfPlain(value), 'old'));
}

/** An expression of a config; a syntax error is reported with its place in the text. */
export function parseAt(text: string, locate: Locate, path: readonly string[], report: Report): Expr | null {
  try {
    return parseExpression(text, { syntax: 'old', depthMax: 100 });
  } catch (error) {
    if (!(error instanceof ClassAdSyntaxError)) throw error;
    report.add(
      'error',
      locate(path),
      `not a ClassAd expression (character ${error.offset + 1}): ${syntaxFault(error)}`,
    );
    return null;
  }
}

/** The message without its own line and column. */
export function syntaxFault(error: ClassAdSyntaxError): string {
  return error.message.replace(/^\d+:\d+: /, '');
}

function checkNames(names: readonly string[], locate: Locate, report: Report): boolean {
  let ok = true;
  const first = new Map<string, string>();
  for (const name of names) {
    const lower = name.toLowerCase();
    const field = fieldOfAttribute.get(lower);
    const earlier = first.get(lower);
    const fault =
      field !== undefined
        ? `is set by the field "${field}" of the offer`
        : earlier === undefined
          ? attributeNameFault(name)
          : `is the same attribute as "${earlier}"; upper and lower case do not differ`;
    first.set(lower, name);
    if (fault === null) continue;
    report.add('error', locate(['attributes', name], 'key'), fault);
    ok = false;
  }
  return ok;
}
