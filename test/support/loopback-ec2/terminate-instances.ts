import { stateXml, unknownInstance } from './describe-instances.ts';
import { listOf, type Params } from './query.ts';
import { refuse } from './refusal.ts';
import { wouldSucceed } from './run-instances.ts';
import { endInstance, stateAt, type World } from './world.ts';
import { elements, items, type Xml } from './xml.ts';

/** All or none: one unknown id refuses the whole call. */
export function terminateInstances(world: World, params: Params): Xml {
  const ids = listOf(params, 'InstanceId');
  if (ids.length === 0) refuse('MissingParameter', 'The request must contain the parameter InstanceId');
  const now = world.now();
  const found = ids.map((id) => {
    const instance = world.byId.get(id);
    if (instance === undefined || instance.vanished) return unknownInstance(id);
    if (now - instance.createdAtMs < world.levers.unknownForMs) return unknownInstance(id);
    const shownUntil = (instance.terminatedAtMs ?? now) + world.levers.terminatedShownMs;
    return now <= shownUntil ? instance : unknownInstance(id);
  });
  if (params.get('DryRun') === 'true') wouldSucceed();
  const changes = found.map((instance) => {
    const previous = stateAt(instance, now);
    endInstance(world, instance, 'Client.UserInitiatedShutdown');
    return elements({
      instanceId: instance.id,
      currentState: stateXml(stateAt(instance, now)),
      previousState: stateXml(previous),
    });
  });
  return elements({ instancesSet: items(changes) });
}
