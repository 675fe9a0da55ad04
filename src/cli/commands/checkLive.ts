import type { SiteConfig } from '../../config/site.ts';
import type { LiveFinding, LiveResult } from '../../daemon/liveCheck.ts';
import type { CheckVerdict } from '../../model/check.ts';
import { CliError, exitCodes } from '../exit.ts';
import { counted } from '../format.ts';
import type { Session } from '../session.ts';
import { type Cell, printable, renderTable, type Style } from '../table.ts';

/** What `check --live --json` has under `live`. */
export interface LiveView {
  readonly ok: boolean;
  readonly errors: number;
  readonly warnings: number;
  readonly unknown: number;
  readonly sources: readonly LiveResult[];
}

/** Looks at a site's clouds and queues, or at those that are named. */
export async function lookLive(
  session: Session,
  config: SiteConfig,
  only: readonly string[],
): Promise<LiveView> {
  const { deps } = session;
  const known = new Set<string>([...config.clouds, ...config.queues].map(({ name }) => name));
  const missing = only.find((name) => !known.has(name));
  if (missing !== undefined)
    throw new CliError(exitCodes.usage, 'invalid', `no cloud and no queue is called ${missing}`);
  const isWanted = ({ name }: { readonly name: string }) => only.length === 0 || only.includes(name);
  const sources = await deps.lookLive(config, isWanted);
  const findings = sources.flatMap((source) => source.findings);
  const count = (verdict: CheckVerdict) => findings.filter((finding) => finding.verdict === verdict).length;
  const [errors, warnings] = [count('error'), count('warning')];
  return { ok: errors === 0, errors, warnings, unknown: count('unknown'), sources };
}

export function renderLive({ sources, errors, warnings }: LiveView, style: Style): readonly string[] {
  const total = [
    errors === 0 ? 'no error' : counted(errors, 'error'),
    ...(warnings === 0 ? [] : [counted(warnings, 'warning')]),
  ].join(', ');
  return [...sources.flatMap((source) => [...renderSource(source, style), '']), `live: ${total}`];
}

function renderSource({ kind, name, part, findings }: LiveResult, style: Style): readonly string[] {
  const rows = findings.map((finding): Cell[] => [
    { text: finding.verdict, paint: paintOf(finding.verdict, style) },
    finding.subject,
    sentenceOf(finding),
  ]);
  const [, ...table] = renderTable([{ header: '' }, { header: '' }, { header: '' }], rows, style);
  return [style.bold(printable(`${kind} ${name} (${part})`)), ...table.map((line) => `  ${line}`)];
}

const offersShown = 5;

function sentenceOf({ message, offers }: LiveFinding): string {
  if (offers.length === 0) return message;
  const more = offers.length > offersShown ? ` and ${offers.length - offersShown} more` : '';
  return `${offers.slice(0, offersShown).join(', ')}${more}: ${message}`;
}

function paintOf(verdict: CheckVerdict, style: Style) {
  switch (verdict) {
    case 'ok':
      return style.green;
    case 'warning':
      return style.yellow;
    case 'error':
      return style.red;
    case 'unknown':
      return style.dim;
  }
}
