import { CreateFleetCommand, RunInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { CheckFinding } from '../../model/check.ts';
import { CloudError } from '../../model/errors.ts';
import { InstanceId, IntentId, type OfferName, PoolName, type SiteId } from '../../model/ids.ts';
import type { CheckedOffer } from '../port.ts';
import { WouldSucceed } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { DiskMemory } from './image.ts';
import { type Ec2Order, fleetRequest, markOf, runRequest } from './request.ts';
import { type Ec2Offer, poolsOf } from './settings.ts';

/** Offers beyond so many are not tried out: each is a call, and they differ in little. */
const offersMax = 40;

export interface RightsRequest {
  readonly site: SiteId;
  readonly offers: readonly CheckedOffer[];
  /** A machine of ours, whose end can be tried out; null: there is none. */
  readonly living: string | null;
}

/**
 * Has EC2 judge, without carrying them out (`DryRun`), the create call of each offer and the termination of a machine of
 * ours. What it finds wrong with the request itself shows, too: an image, a subnet or a key that is not there.
 */
export async function rightsFindings(
  exchange: Exchange,
  disks: DiskMemory,
  { site, offers, living }: RightsRequest,
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  const fine: OfferName[] = [];
  for (const offer of offers.slice(0, offersMax)) {
    const problem = await problemOf(() => tryLaunch(exchange, disks, { site, offer }, signal), signal);
    if (problem === null) fine.push(offer.name);
    else findings.push({ ...problem, offers: [offer.name] });
  }
  if (fine.length > 0)
    findings.unshift({
      verdict: 'ok',
      message: 'machines may be launched, with tags on them and on their volumes',
      offers: fine,
    });
  if (offers.length > offersMax)
    findings.push({
      verdict: 'unknown',
      message: `only ${offersMax} of ${offers.length} offers were tried out`,
    });
  if (living === null)
    findings.push({
      verdict: 'unknown',
      message: 'whether machines may be ended: there is none of this site to try it on',
    });
  else {
    const problem = await problemOf(() => tryEnd(exchange, living, signal), signal);
    findings.push(problem ?? { verdict: 'ok', message: 'machines of this site may be ended' });
  }
  return findings;
}

async function tryLaunch(
  exchange: Exchange,
  disks: DiskMemory,
  { site, offer }: { site: SiteId; offer: CheckedOffer },
  signal: AbortSignal,
): Promise<void> {
  const settings = offer.settings as Ec2Offer;
  const order: Ec2Order = {
    intent: IntentId('dry-run'),
    instances: [InstanceId('dry-run-0')],
    pool: PoolName('dry-run'),
    offer: offer.name,
    market: offer.market,
    settings,
    userData: null,
  };
  const mark = markOf(site, order);
  const facts = await disks.disksOf(settings, signal);
  // Nothing is made: no doubt can be left.
  const options = { write: false, signal };
  if (settings.fleet === undefined) {
    const { ClientToken: _, ...request } = runRequest(order, mark, facts);
    const action = 'RunInstances';
    await exchange(new RunInstancesCommand({ ...request, DryRun: true }), { action, ...options });
  } else {
    const { ClientToken: _, ...request } = fleetRequest(order, {
      mark,
      disks: facts,
      pools: poolsOf(settings),
    });
    const action = 'CreateFleet';
    await exchange(new CreateFleetCommand({ ...request, DryRun: true }), { action, ...options });
  }
}

async function tryEnd(exchange: Exchange, id: string, signal: AbortSignal): Promise<void> {
  const command = new TerminateInstancesCommand({ InstanceIds: [id], DryRun: true });
  await exchange(command, { action: 'TerminateInstances', write: false, signal });
}

/** Null where it would succeed. */
async function problemOf(
  attempt: () => Promise<void>,
  signal: AbortSignal,
): Promise<Pick<CheckFinding, 'verdict' | 'message'> | null> {
  try {
    await attempt();
  } catch (error) {
    if (error instanceof WouldSucceed) return null;
    if (!(error instanceof CloudError) || signal.aborted) throw error;
    switch (error.code) {
      // It says nothing of rights: it would have come to a launch as well.
      case 'capacity':
        return null;
      case 'rateLimited':
      case 'timeout':
      case 'unavailable':
        return { verdict: 'unknown', message: error.message };
      default:
        return { verdict: 'error', message: error.message };
    }
  }
  return {
    verdict: 'unknown',
    message: 'it does not know DryRun, and answered as if the call had been carried out',
  };
}
