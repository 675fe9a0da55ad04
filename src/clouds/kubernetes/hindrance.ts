import type { ContainerStatus, Pod } from './client/objects.ts';

/**
 * What keeps a pod from starting. noRoom: nodes fit, and are full. fitsNoNode: no node is of the kind that the pod asks for
 * (selector, affinity, taints), so waiting will not help unless nodes are added. cannotStart: its node cannot get the image or
 * make the container, and tries again. neverStarts: it does not even try again.
 */
export interface Hindrance {
  readonly kind: 'noRoom' | 'fitsNoNode' | 'cannotStart' | 'neverStarts';
  readonly text: string;
}

export function hindranceOf(pod: Pod): Hindrance | null {
  const scheduled = pod.status.conditions.find((one) => one.type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    const message = scheduled.message ?? '';
    const kind = isFull(message) ? 'noRoom' : 'fitsNoNode';
    return { kind, text: `${kind === 'noRoom' ? 'no room' : 'fits no node'}: ${message}` };
  }
  for (const one of [...pod.status.initContainerStatuses, ...pod.status.containerStatuses]) {
    const found = waitingOf(one);
    if (found !== null) return found;
  }
  return null;
}

/** Some node lacks nothing but room; also where there is none at all, as one may be added. */
function isFull(message: string): boolean {
  return /\bInsufficient |Too many pods|^no nodes available/.test(message);
}

const neverStarts: ReadonlySet<string> = new Set(['InvalidImageName', 'ErrImageNeverPull']);
const cannotStart: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ImageInspectError',
  'RegistryUnavailable',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

function waitingOf({ state }: ContainerStatus): Hindrance | null {
  const reason = state?.waiting?.reason ?? '';
  const text = [reason, state?.waiting?.message].filter(Boolean).join(': ');
  if (neverStarts.has(reason)) return { kind: 'neverStarts', text };
  return cannotStart.has(reason) ? { kind: 'cannotStart', text } : null;
}
