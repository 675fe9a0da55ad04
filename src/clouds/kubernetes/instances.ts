import type { CloudInstance, CloudInstanceState } from '../../model/cloud.ts';
import { IntentId, OfferName, PoolName } from '../../model/ids.ts';
import { cleanText } from './client/cleanText.ts';
import type { ContainerStatus, Pod } from './client/objects.ts';
import { type Hindrance, hindranceOf } from './hindrance.ts';
import { cloudIdOf } from './identity.ts';
import { markAnnotations, markLabels } from './mark.ts';

/** A container that ends within so long has not become a worker. */
const bootMs = 120_000;

/** Since when (ms of any clock) a pod has waited for what hinders it; null: it is let wait. */
export type IsPatienceOver = (pod: Pod, hindrance: Hindrance) => boolean;

/** A pod that bears our mark. One whose mark somebody has spoiled gets its own uid for an intent, which no store knows. */
export function instanceOf(pod: Pod, isPatienceOver: IsPatienceOver): CloudInstance {
  const { annotations, labels, uid } = pod.metadata;
  const pool = annotations[markAnnotations.pool];
  const offer = annotations[markAnnotations.offer];
  const { state, fault, notice, lacksRoom = false } = readingOf(pod, isPatienceOver);
  return {
    cloudId: cloudIdOf(pod),
    intent: IntentId(annotations[markAnnotations.intent] ?? labels[markLabels.intent] ?? uid),
    // One pod is one create call.
    seat: 0,
    pool: pool === undefined ? null : PoolName(pool),
    offer: offer === undefined ? null : OfferName(offer),
    state,
    address: pod.status.podIP || null,
    fault: fault === null ? null : cleanText(fault, []) || null,
    ...(lacksRoom ? { faultCode: 'capacity' } : {}),
    ...(notice === undefined || notice === null ? {} : { notice: cleanText(notice, []) }),
  };
}

interface Reading {
  readonly state: CloudInstanceState;
  readonly fault: string | null;
  /** Why the cluster is about to take it. */
  readonly notice?: string | null;
  /** It was given up because no node has room for it now. */
  readonly lacksRoom?: boolean;
}

/**
 * What a pod's status means. A pod that is being ended says so by its time of deletion, and by no phase. One that has ended by
 * itself stays, holds nothing but its record, and is `stopped`: it is still to be deleted.
 */
function readingOf(pod: Pod, isPatienceOver: IsPatienceOver): Reading {
  const { phase } = pod.status;
  const taken = takenBy(pod);
  if (pod.metadata.deletionTimestamp !== undefined && pod.metadata.deletionTimestamp !== null) {
    return { state: 'ending', fault: taken };
  }
  switch (phase) {
    case 'Succeeded':
      return { state: 'stopped', fault: taken };
    case 'Failed':
      return failed(pod, taken);
    case 'Running':
      return { state: isReady(pod) ? 'running' : 'pending', fault: null, notice: taken };
    default: {
      const hindrance = hindranceOf(pod);
      if (hindrance === null) return { state: 'pending', fault: null };
      if (!isPatienceOver(pod, hindrance)) return { state: 'pending', fault: hindrance.text };
      return { state: 'error', fault: hindrance.text, lacksRoom: hindrance.kind === 'noRoom' };
    }
  }
}

/**
 * What the cluster took away (evicted, preempted, with its node) is no fault of the worker's, nor is the end of one that had
 * worked. A container that fails within two minutes never was a worker.
 */
function failed(pod: Pod, taken: string | null): Reading {
  if (taken !== null) return { state: 'stopped', fault: taken };
  const ended = pod.status.containerStatuses.find((one) => (one.state?.terminated?.exitCode ?? 0) !== 0);
  const fault = ended === undefined ? said(pod.status.reason, pod.status.message) : endOf(ended);
  return { state: ended === undefined || hasLived(ended) ? 'stopped' : 'error', fault };
}

function hasLived({ state }: ContainerStatus): boolean {
  const { startedAt, finishedAt } = state?.terminated ?? {};
  return typeof startedAt === 'number' && typeof finishedAt === 'number' && finishedAt - startedAt >= bootMs;
}

function endOf({ name, state }: ContainerStatus): string {
  const { exitCode = 0, reason, message } = state?.terminated ?? {};
  return `container ${name} ended with ${exitCode}: ${said(reason, message) ?? 'no reason given'}`;
}

/** Reasons of a pod's failure that are the cluster's doing. */
const takenReasons: ReadonlySet<string> = new Set([
  'Evicted',
  'Preempting',
  'NodeLost',
  'NodeAffinity',
  'NodeShutdown',
  'Terminated',
  'Shutdown',
  'UnexpectedAdmissionError',
]);

/** Why the cluster has ended or is about to end the pod; null where it has not. */
function takenBy({ status }: Pod): string | null {
  const disruption = status.conditions.find(
    (one) => one.type === 'DisruptionTarget' && one.status === 'True',
  );
  if (disruption !== undefined) return said(disruption.reason, disruption.message);
  return takenReasons.has(status.reason ?? '') ? said(status.reason, status.message) : null;
}

/** Its readiness probe, if it has one, says that it works; without one it is ready when its containers have started. */
function isReady({ status }: Pod): boolean {
  return status.conditions.some((one) => one.type === 'Ready' && one.status === 'True');
}

function said(reason: string | null | undefined, message: string | null | undefined): string | null {
  const words = [reason, message].filter((word) => word !== undefined && word !== null && word !== '');
  return words.length === 0 ? null : words.join(': ');
}
