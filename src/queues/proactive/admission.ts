import { createHmac } from 'node:crypto';
import { QueueError } from '../../model/errors.ts';
import type { InstanceId } from '../../model/ids.ts';
import type { Admission, AdmitRequest } from '../port.ts';
import type { NodeSettings, ProactiveSettings } from './settings.ts';

export const templateVariables = [
  'rmUrl',
  'nodeSource',
  'nodesPerMachine',
  'credentials',
  'javaOptions',
] as const;

/**
 * A machine's own token: its nodes bear it from their start, so nobody's task runs there before the adapter has seen who they
 * are; and no other machine can show it. It is good for nothing else.
 */
export function machineToken(instance: InstanceId, { tokenKey }: Pick<NodeSettings, 'tokenKey'>): string {
  const digest = createHmac('sha256', tokenKey.reveal()).update(`node of ${instance}`).digest('hex');
  return `spillway-${digest.slice(0, 40)}`;
}

/** Variables of the boot template. `javaOptions` is the text of a file that `java` reads with `@`, so that no argument is a secret. */
export function admissionOf(
  { instance, pool }: AdmitRequest,
  { nodes, sources }: Pick<ProactiveSettings, 'nodes' | 'sources'>,
): Admission {
  const source = sources.find((one) => one.pool === pool);
  if (source === undefined)
    throw new QueueError('invalid', `pool ${pool} has no node source among the queue's \`sources\``);
  const properties: readonly (readonly [string, string])[] = [
    ['proactive.communication.protocol', nodes.protocol],
    ...routerOf(nodes),
    ...Object.entries(nodes.properties),
    ['proactive.node.access.token', machineToken(instance, nodes)],
  ];
  return {
    perMachine: true,
    variables: {
      rmUrl: nodes.url,
      nodeSource: source.name,
      nodesPerMachine: String(nodes.perMachine),
      credentials: nodes.credentials.text(),
      javaOptions: properties.map(([name, value]) => `"-D${name}=${escaped(value)}"`).join('\n'),
    },
  };
}

function routerOf({ router }: NodeSettings): readonly (readonly [string, string])[] {
  if (router === null) return [];
  const at = router.lastIndexOf(':');
  return [
    ['proactive.pamr.router.address', router.slice(0, at)],
    ['proactive.pamr.router.port', router.slice(at + 1)],
  ];
}

/** In double quotes of an argument file a backslash and a quote are escaped. */
function escaped(value: string): string {
  return value.replaceAll(/[\\"]/g, (found) => `\\${found}`);
}
