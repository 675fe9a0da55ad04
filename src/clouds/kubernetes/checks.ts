import { z } from 'zod';
import { describeRef } from '../../config/secrets.ts';
import { formatSize } from '../../config/units.ts';
import type { Check, CheckFinding } from '../../model/check.ts';
import { checkEach, clockFindings, orWell, quotaFindings } from '../../model/checkFindings.ts';
import { InstanceId, IntentId, OfferName, PoolName } from '../../model/ids.ts';
import type { CheckedOffer, CloudCheckRequest } from '../port.ts';
import type { Account } from './account.ts';
import type { Deed, Kubernetes } from './client/client.ts';
import { quantityOf } from './client/quantity.ts';
import { asCloud } from './errors.ts';
import { manifestOf } from './manifest.ts';
import { bearsMark, labelValue, markLabels } from './mark.ts';
import type { KubernetesOffer } from './offer.ts';
import { readCatalog, readQuota } from './stock.ts';
import { templateOf } from './template.ts';

/** Some ten calls, and a dry run of each different pod: the server admits or refuses it as it would, and keeps nothing. */
export function kubernetesChecks(account: Account, request: CloudCheckRequest): readonly Check[] {
  const looks: readonly (readonly [Check['subject'], Look])[] = [
    ['login', logIn],
    ['clock', clockOf],
    ['rights', rights],
    ['quota', quota],
    ['flavors', pods],
    ['zones', nodes],
    ['images', images],
  ];
  return looks.map(([subject, look]) => ({
    subject,
    run: (signal) =>
      asCloud(
        { write: false },
        async () => await look({ account, client: await account.connection.open() }, request, signal),
      ),
  }));
}

interface Place {
  readonly account: Account;
  readonly client: Kubernetes;
}

type Look = (
  place: Place,
  request: CloudCheckRequest,
  signal: AbortSignal,
) => Promise<readonly CheckFinding[]>;

const settingsOf = (offer: CheckedOffer) => offer.settings as KubernetesOffer;

/** Everybody may ask for the version; a review of one's own rights is for those alone whom the server knows. */
const logIn: Look = async ({ client }, _request, signal) => {
  const { version } = await client.version(signal);
  await client.mayDo({ verb: 'list', resource: 'pods' }, signal);
  return [{ verdict: 'ok', message: `Kubernetes ${version}, namespace ${client.namespace}` }];
};

/** Epoch ms. */
const httpDate = z.coerce.date().transform((moment) => moment.getTime());

const clockOf: Look = async ({ account, client }, _request, signal) => {
  const { date } = await client.version(signal);
  const read = httpDate.safeParse(date);
  const heard =
    date === null || !read.success ? null : { theirsMs: read.data, oursMs: account.clock.wallNow() };
  const why = 'tokens that expire may be used too long';
  return clockFindings(heard, { toleranceMs: null, why });
};

const needed: readonly Deed[] = [
  { verb: 'create', resource: 'pods' },
  { verb: 'get', resource: 'pods' },
  { verb: 'list', resource: 'pods' },
  { verb: 'delete', resource: 'pods' },
  { verb: 'create', resource: 'secrets' },
];

/** What it does without, and how. */
const wanted: readonly (Deed & { readonly lack: string })[] = [
  { verb: 'watch', resource: 'pods', lack: 'changes are seen at the next poll' },
  { verb: 'list', resource: 'resourcequotas', lack: 'what is left is not known' },
];

const rights: Look = async ({ account, client }, _request, signal) => {
  const lacking: string[] = [];
  for (const deed of needed) {
    if (!(await client.mayDo(deed, signal))) lacking.push(`${deed.verb} ${deed.resource}`);
  }
  if (lacking.length > 0) {
    const message = `no right to ${lacking.join(', ')} in namespace ${client.namespace}: see config/kubernetes/rbac.yaml`;
    return [{ verdict: 'error', message }];
  }
  const instances = await livingOf(account, client, signal);
  const message = `pods can be made, listed and ended, and secrets made: ${instances} pods of this site`;
  const found: CheckFinding = { verdict: 'ok', message, figures: { instances } };
  const useful = [];
  for (const { lack, ...deed } of wanted) {
    if (!(await client.mayDo(deed, signal))) {
      const message = `no right to ${deed.verb} ${deed.resource}: ${lack}`;
      useful.push({ verdict: 'warning', message } as const);
    }
  }
  return [found, ...useful];
};

async function livingOf({ site }: Account, client: Kubernetes, signal: AbortSignal): Promise<number> {
  const pods = await client.pods({ [markLabels.site]: labelValue(site) }, signal);
  return pods.filter((pod) => bearsMark(pod.metadata, site)).length;
}

const quota: Look = async ({ account, client }, request, signal) => {
  const left = await readQuota(account, client, signal);
  const mayAsk = left !== null || (await client.mayDo({ verb: 'list', resource: 'resourcequotas' }, signal));
  const none = { instances: null, cpus: null, memoryMiB: null };
  return quotaFindings(left ?? (mayAsk ? none : null), await livingOf(account, client, signal), request);
};

/** Each pod as it would be made, judged by the server: its fields, the namespace's rules, and what its quota has left. */
const pods: Look = async ({ account, client }, { offers }, signal) => {
  const found = await checkEach(
    offers,
    (offer) => {
      const settings = settingsOf(offer);
      // What a file has in it is not in what offers are compared by.
      return { settings, file: settings.podFile === undefined ? null : describeRef(settings.podFile.ref) };
    },
    async ({ settings }) => {
      const name = InstanceId('spillway-check-0');
      const mark = {
        site: account.site,
        intent: IntentId('spillway-check'),
        pool: PoolName('check'),
        offer: OfferName('check'),
      };
      const { pod } = manifestOf({ name, mark, settings, userData: null });
      await asCloud({ write: false }, () => client.createPod(pod, { dryRun: true }, signal));
      return null;
    },
  );
  return orWell(
    [...found, ...offers.flatMap(sizeFindings)],
    'the server would accept the pods of all offers',
  );
};

/** A worker that has less than its ad promises never gets the jobs that it was booted for. */
function sizeFindings(offer: CheckedOffer): readonly CheckFinding[] {
  const asked = requestsOf(settingsOf(offer));
  if (asked === null) return [];
  const { cpus, memoryMiB } = offer.resources;
  const offers = [offer.name];
  if (asked.cpus === null || asked.memoryMiB === null) {
    const message = 'the pod does not say how much it needs: its node may have less than the offer promises';
    return [{ verdict: 'warning', message, offers }];
  }
  const lacks = [
    asked.cpus < cpus ? `${asked.cpus} of ${cpus} CPUs` : [],
    asked.memoryMiB < memoryMiB ? `${formatSize(asked.memoryMiB)} of ${formatSize(memoryMiB)} memory` : [],
  ].flat();
  if (lacks.length === 0) return [];
  return [{ verdict: 'error', message: `the pod has less than the offer says: ${lacks.join(', ')}`, offers }];
}

/** Null where its file is no pod, which has been said. */
function requestsOf(settings: KubernetesOffer) {
  const { cpus, memory } = settings;
  const template = attempt(() => templateOf(settings));
  if (template === null) return null;
  const { requests = {}, limits = {} } = template.spec?.containers?.[0]?.resources ?? {};
  const said = (name: string) => quantityOf(String(requests[name] ?? limits[name] ?? ''));
  const memoryBytes = said('memory');
  return {
    cpus: cpus ?? said('cpu'),
    memoryMiB: memory ?? (memoryBytes === null ? null : Math.floor(memoryBytes / 2 ** 20)),
  };
}

function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

/** Whether some node is large enough, when it is empty. */
const nodes: Look = async ({ account, client }, { offers }, signal) => {
  const { flavors, zones } = await readCatalog(account, client, signal);
  if (flavors.length === 0) {
    return [{ verdict: 'unknown', message: 'there are no nodes, or no right to list them' }];
  }
  const tooLarge = offers.filter(
    ({ resources: { cpus, memoryMiB } }) =>
      !flavors.some(({ resources }) => resources.cpus >= cpus && resources.memoryMiB >= memoryMiB),
  );
  if (tooLarge.length > 0) {
    const message = 'no node that there is now is large enough';
    return [{ verdict: 'warning', message, offers: tooLarge.map(({ name }) => name) }];
  }
  const message = `${flavors.length} kinds of nodes in ${Math.max(1, zones.length)} zones, large enough for all offers`;
  return [{ verdict: 'ok', message }];
};

const images: Look = async () => [
  { verdict: 'unknown', message: 'whether the images can be had the nodes find out when a pod is there' },
];
