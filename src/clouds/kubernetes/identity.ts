import { CloudId } from '../../model/ids.ts';
import type { Pod } from './client/objects.ts';

/**
 * A pod's name can be another pod's later; its uid never is. A machine's id has both, as in `farm-k3-0/8e89c233-…`: so an end
 * can be asked for this very pod, and one whose id is known has existed.
 */
export interface PodIdentity {
  readonly name: string;
  /** Null: the id is none of ours. */
  readonly uid: string | null;
}

export function cloudIdOf({ metadata }: Pod): CloudId {
  return CloudId(`${metadata.name}/${metadata.uid}`);
}

export function identityOf(id: CloudId): PodIdentity {
  const [name = '', uid, ...rest] = id.split('/');
  return uid === undefined || uid === '' || rest.length > 0 ? { name: id, uid: null } : { name, uid };
}
