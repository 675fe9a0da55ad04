import type { Play } from './play.ts';

/** What the store and its journal say in the end: why each machine was made and why it ended, and no secrets. */
export function judgePapers({ site, judge }: Play): void {
  const entries = site.store.journal({ limit: 100_000 });
  const launched = new Set<string>();
  const ended = new Set<string>();
  for (const { kind, intent, instance, why } of entries) {
    if ((kind === 'launch' || kind === 'adopted') && intent !== undefined && why !== '') launched.add(intent);
    if (kind === 'ended' && instance !== undefined && why !== '') ended.add(instance);
    if (why.includes('token-of-')) judge.note('secretsStaySecret', `in the journal: ${why}`);
  }
  const live = new Set<string>(site.instances().map(({ id }) => id));
  for (const { instance, intent, cloudId, goneAtMs } of site.made()) {
    if (intent.startsWith('farm-planted')) continue;
    if (!launched.has(intent)) judge.note('everythingIsExplained', `nothing says why ${cloudId} was made`);
    if (goneAtMs !== null && !ended.has(instance) && !live.has(instance))
      judge.note('everythingIsExplained', `nothing says why ${cloudId} (${instance}) ended`);
  }
}
