import type { LiveInstance, LiveInstances } from './frame.ts';

/** Machines with the version at which each last changed, so that anybody can be told what is new since any version. */
export interface Changes {
  /** All that there are now. */
  update(version: number, now: readonly LiveInstance[]): void;
  /** What has changed after that version; all there are where it is null, or too long ago. */
  since(version: number | null): LiveInstances;
}

/** Who has not been told of more ends than that begins anew. */
const goneKeptMax = 20_000;

interface Entry {
  readonly instance: LiveInstance;
  readonly version: number;
}

export function createChanges(goneKept = goneKeptMax): Changes {
  let entries = new Map<string, Entry>();
  const gone = new Map<string, number>();
  /** Ends before that are not known any more. */
  let forgottenVersion = 0;

  return {
    update: (version, now) => {
      const next = new Map<string, Entry>();
      for (const instance of now) {
        const known = entries.get(instance.id);
        const same = known !== undefined && isSame(known.instance, instance);
        next.set(instance.id, same ? known : { instance, version });
        gone.delete(instance.id);
      }
      for (const id of entries.keys()) if (!next.has(id)) gone.set(id, version);
      for (const [id, at] of gone) {
        if (gone.size <= goneKept) break;
        gone.delete(id);
        forgottenVersion = at;
      }
      entries = next;
    },
    since: (version) => {
      if (version === null || version < forgottenVersion) {
        return { whole: true, put: [...entries.values()].map(({ instance }) => instance), gone: [] };
      }
      const put = [...entries.values()].flatMap((entry) => (entry.version > version ? [entry.instance] : []));
      const ended = [...gone].flatMap(([id, at]) => (at > version ? [id] : []));
      return { whole: false, put, gone: ended };
    },
  };
}

function isSame(a: LiveInstance, b: LiveInstance): boolean {
  return (
    a.phase === b.phase &&
    a.phaseSinceMs === b.phaseSinceMs &&
    a.runningJobs === b.runningJobs &&
    a.claims === b.claims &&
    a.address === b.address &&
    a.user === b.user &&
    a.price?.perHour === b.price?.perHour &&
    a.price?.currency === b.price?.currency &&
    a.pool === b.pool &&
    a.offer === b.offer
  );
}
