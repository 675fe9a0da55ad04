import { lookup } from 'node:dns/promises';
import { readdir } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isMissing, writtenAtMs } from '../../host/files.ts';
import { folderFinding } from '../../host/folderFinding.ts';
import type { Check, CheckFinding } from '../../model/check.ts';
import { checkEach, orWell, quotaFindings } from '../../model/checkFindings.ts';
import type { CheckedOffer, CloudCheckRequest } from '../port.ts';
import { claimSuffix } from './claims.ts';
import { hostsOf } from './hosts.ts';
import type { FixedHost, FixedOffer, FixedSettings } from './settings.ts';

/** Names that are looked up, and side by side; of a great rack the first. */
const namesMax = 500;
const lookupsMax = 16;

/** Looks at the folder, the hosts' names and the programs that switch them: no host is switched, and none is asked. */
export function fixedChecks(settings: FixedSettings, request: CloudCheckRequest): readonly Check[] {
  const { offers } = request;
  return [
    { subject: 'login', run: async () => [await folderFinding(settings.folder)] },
    { subject: 'flavors', run: async () => chosen(settings, offers) },
    { subject: 'quota', run: async () => free(settings, request) },
    { subject: 'rights', run: async () => programs(settings) },
    { subject: 'networks', run: (signal) => addresses(settings, signal) },
  ];
}

const settingsOf = (offer: CheckedOffer) => offer.settings as FixedOffer;

function chosen(settings: FixedSettings, offers: readonly CheckedOffer[]): Promise<readonly CheckFinding[]> {
  return checkEach(offers, settingsOf, async (offer) => {
    const count = hostsOf(settings, offer).length;
    if (count === 0) return { verdict: 'error', message: 'no host has all the kinds that it asks for' };
    return { verdict: 'ok', message: `${count} hosts`, figures: { hosts: count } };
  });
}

/** By the names of the claims: the folder is not made where it is not there. */
async function free(
  { folder, hosts }: FixedSettings,
  request: CloudCheckRequest,
): Promise<readonly CheckFinding[]> {
  const files = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const taken = new Set(files);
  const instances = hosts.filter(({ name }) => !taken.has(`${name}${claimSuffix}`)).length;
  return quotaFindings({ instances, cpus: null, memoryMiB: null }, null, request);
}

async function programs({ hosts, on }: FixedSettings): Promise<readonly CheckFinding[]> {
  const used = hosts.flatMap(({ powerOn, powerOff }) => [powerOn?.[0] ?? [], powerOff?.[0] ?? []].flat());
  const asking = on !== undefined && 'command' in on ? [on.command[0] ?? ''] : [];
  const paths = [...new Set([...used, ...asking])].filter((path) => path.startsWith('/'));
  const findings: CheckFinding[] = [];
  for (const path of paths) {
    if ((await writtenAtMs(path)) !== null) continue;
    findings.push({ verdict: 'error', message: `no program ${path} on this host` });
  }
  return paths.length === 0 ? [] : orWell(findings, 'the programs that switch hosts are there');
}

async function addresses({ hosts }: FixedSettings, signal: AbortSignal): Promise<readonly CheckFinding[]> {
  const names = hosts.flatMap((host) => (isIP(addressOf(host)) === 0 ? [addressOf(host)] : []));
  const asked = [...new Set(names)].slice(0, namesMax);
  const unknown: string[] = [];
  for (let at = 0; at < asked.length; at += lookupsMax) {
    signal.throwIfAborted();
    const some = asked.slice(at, at + lookupsMax);
    const answers = await Promise.allSettled(some.map((name) => lookup(name)));
    unknown.push(...some.filter((_, index) => answers[index]?.status === 'rejected'));
  }
  if (asked.length === 0) return [];
  const well = `the names of ${asked.length} hosts have addresses`;
  const message = `no address is known of ${unknown.slice(0, 10).join(', ')}`;
  const more = unknown.length > 10 ? ` and ${unknown.length - 10} more` : '';
  return orWell(unknown.length === 0 ? [] : [{ verdict: 'error', message: `${message}${more}` }], well);
}

const addressOf = ({ name, address = name }: FixedHost): string => address;
