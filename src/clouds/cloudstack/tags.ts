import type { CloudId } from '../../model/ids.ts';
import type { Account } from './account.ts';
import { CallFailure } from './client/failure.ts';

/**
 * Sets the site's own tags on a machine that has just been made: one more call, whose job nobody waits for. They are for
 * people and bills; a machine without them works as well, so a failure is logged and no more.
 */
export async function setTags(
  { client, log }: Account,
  id: CloudId,
  tags: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const pairs = Object.entries(tags);
  if (pairs.length === 0) return;
  const numbered = pairs.flatMap(([key, value], n) => [
    [`tags[${n}].key`, key],
    [`tags[${n}].value`, value],
  ]);
  const params = { resourceids: id, resourcetype: 'UserVm', ...Object.fromEntries(numbered) };
  try {
    await client.call('createTags', params, { signal });
  } catch (thrown) {
    if (!(thrown instanceof CallFailure)) throw thrown;
    log.warn({ cloudId: id, problem: thrown.message }, 'a machine could not be given its tags');
  }
}
