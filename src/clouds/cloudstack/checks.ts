import { formatSize } from '../../config/units.ts';
import type { Check, CheckFinding } from '../../model/check.ts';
import { checkEach, clockFindings, orWell, quotaFindings } from '../../model/checkFindings.ts';
import { CloudError } from '../../model/errors.ts';
import type { CheckedOffer, CloudCheckRequest } from '../port.ts';
import type { Account } from './account.ts';
import { listAll } from './client/pages.ts';
import { apiNames, capabilities, parsed, serviceOfferingRow } from './client/wire.ts';
import { asCloud } from './errors.ts';
import { listInstances } from './list.ts';
import { idOf, isThere, type Kind, kindWords, type Names } from './lookup.ts';
import type { CloudstackOffer } from './settings.ts';
import { readQuota } from './stock.ts';

/** What the driver calls; without the others it does less. */
const needed = [
  'deployVirtualMachine',
  'destroyVirtualMachine',
  'listVirtualMachines',
  'listZones',
  'listServiceOfferings',
  'listTemplates',
  'queryAsyncJobResult',
];

/** The server takes a signature that has expired for no longer, and one that holds for no longer than 15 minutes. */
const toleranceMs = 5 * 60_000;

interface Place {
  readonly account: Account;
  readonly names: Names;
  readonly apiKey: string;
  readonly request: CloudCheckRequest;
}

type Look = (place: Place, signal: AbortSignal) => Promise<readonly CheckFinding[]>;

/** Lists alone: the server has no dry run, but says which commands a key may call. One list for each name that offers have. */
export function cloudstackChecks(place: Place): readonly Check[] {
  const looks: readonly (readonly [Check['subject'], Look])[] = [
    ['login', logIn],
    ['clock', clockOf],
    ['rights', rights],
    ['quota', quota],
    ['zones', zones],
    ['flavors', flavors],
    ['images', images],
    ['networks', networks],
    ['storage', storage],
  ];
  return looks.map(([subject, look]) => ({
    subject,
    run: (signal) => asCloud({ write: false }, () => look(place, signal)),
  }));
}

const settingsOf = (offer: CheckedOffer) => offer.settings as CloudstackOffer;

const logIn: Look = async ({ account }, signal) => {
  const { capability } = await readCapabilities(account, signal);
  const { cloudstackversion: version, apilimitmax: calls, apilimitinterval: seconds } = capability;
  const limit =
    typeof calls !== 'number' || typeof seconds !== 'number'
      ? ''
      : `; ${calls} calls in ${seconds} s at most`;
  return [{ verdict: 'ok', message: `CloudStack ${version ?? 'of an unknown version'}${limit}` }];
};

async function readCapabilities({ client }: Account, signal: AbortSignal) {
  const command = 'listCapabilities';
  return parsed(command, capabilities, await client.call(command, {}, { signal }));
}

const clockOf: Look = async ({ account }) =>
  clockFindings(account.client.heard(), {
    toleranceMs,
    why: 'signatures expire by it, and calls will be refused',
  });

const rights: Look = async ({ account }, signal) => {
  const command = 'listApis';
  const { api } = parsed(command, apiNames, await account.client.call(command, {}, { signal }));
  const allowed = new Set((api ?? []).map(({ name }) => name));
  const lacking = needed.filter((name) => !allowed.has(name));
  const findings: CheckFinding[] = [];
  if (lacking.length > 0) {
    findings.push({ verdict: 'error', message: `the key may not call ${lacking.join(', ')}` });
  }
  const { capability } = await readCapabilities(account, signal);
  if (account.settings.expunge && capability.allowuserexpungerecovervm === false) {
    const message =
      'users may not expunge here (allow.user.expunge.recover.vm): unless the key is an administrator’s, machines will not end; say `expunge: false`';
    findings.push({ verdict: 'warning', message });
  }
  return findings.length > 0 ? findings : [{ verdict: 'ok', message: 'the key may make and end machines' }];
};

const quota: Look = async ({ account, apiKey, request }, signal) => {
  const left = await readQuota(account, apiKey, signal);
  const living = (await listInstances(account, signal)).filter(({ state }) => state !== 'gone').length;
  return quotaFindings(left, living, request);
};

const zones: Look = async (place, signal) =>
  orWell(
    await eachNamed(place, 'zone', (offer) => settingsOf(offer).zone, signal),
    'the zones of all offers are there',
  );

/** A machine that has less than its ad promises never gets the jobs that it was booted for. */
const flavors: Look = async ({ account, request }, signal) => {
  const rows = await listAll(
    account.client,
    {
      command: 'listServiceOfferings',
      key: 'serviceoffering',
      row: serviceOfferingRow,
      params: {},
      pageSize: account.settings.pageSize,
    },
    { signal },
  );
  const found = await checkEach(
    request.offers,
    ({ resources, settings }) => {
      const { serviceOffering, custom } = settings as CloudstackOffer;
      return { serviceOffering, custom: custom ?? null, resources };
    },
    async ({ serviceOffering: wanted, custom, resources }) => {
      const row = rows.find(({ id, name }) => id === wanted || name === wanted);
      if (row === undefined) throw new CloudError('notFound', `there is no service offering ${wanted}`);
      const cpus = row.cpunumber ?? custom?.cpus;
      const memoryMiB = row.memory ?? custom?.memory;
      if (cpus === undefined || memoryMiB === undefined) {
        const message = `service offering ${wanted} leaves its size open: say it under \`custom\``;
        return { verdict: 'error', message };
      }
      const lacks = [
        cpus < resources.cpus ? `${cpus} of ${resources.cpus} CPUs` : [],
        memoryMiB < resources.memoryMiB
          ? `${formatSize(memoryMiB)} of ${formatSize(resources.memoryMiB)} memory`
          : [],
      ].flat();
      if (lacks.length === 0) return null;
      return {
        verdict: 'error',
        message: `service offering ${wanted} has less than the offer says: ${lacks.join(', ')}`,
      };
    },
  );
  return orWell(found, `${rows.length} service offerings, those of all offers among them`);
};

const images: Look = async (place, signal) =>
  orWell(
    await eachNamed(place, 'template', (offer) => settingsOf(offer).template, signal, true),
    'the templates of all offers are there and ready',
  );

const networks: Look = async (place, signal) => {
  const names = new Set(place.request.offers.flatMap((offer) => settingsOf(offer).networks ?? []));
  const findings: CheckFinding[] = [];
  for (const name of names) {
    const wantedBy = (offer: CheckedOffer) =>
      settingsOf(offer).networks?.includes(name) === true ? name : null;
    findings.push(...(await eachNamed(place, 'network', wantedBy, signal, true)));
  }
  return names.size === 0 ? [] : orWell(findings, 'the networks of all offers are there');
};

const storage: Look = (place, signal) =>
  eachNamed(place, 'diskOffering', (offer) => settingsOf(offer).dataDisk?.offering ?? null, signal);

/** Looks each name up once; `inZone`: it is one of the offer's zone. */
async function eachNamed(
  { account, names, request }: Place,
  kind: Kind,
  nameOf: (offer: CheckedOffer) => string | null,
  signal: AbortSignal,
  inZone = false,
): Promise<readonly CheckFinding[]> {
  return checkEach(
    request.offers,
    (offer) => {
      const name = nameOf(offer);
      return name === null ? null : { name, zone: inZone ? settingsOf(offer).zone : null };
    },
    ({ name, zone }) =>
      asCloud({ write: false }, async () => {
        const find = (what: Kind, of: string, scope = {}) =>
          idOf(account, names, { kind: what, name: of, scope }, signal);
        const scope = zone === null ? {} : { zoneid: await find('zone', zone) };
        await find(kind, name, scope);
        if (await isThere(account, { kind, name, scope }, signal)) return null;
        return { verdict: 'error', message: `there is no ${kindWords[kind]} with the id ${name}` };
      }),
  );
}
