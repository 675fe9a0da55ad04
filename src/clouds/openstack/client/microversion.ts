import { z } from 'zod';
import { bodyOf, malformed } from './answer.ts';
import { OpenStackFailure } from './failure.ts';
import type { Session } from './session.ts';
import type { WireAnswer } from './wire.ts';

/** What this client was written for; a newer server speaks it, too. */
const newest: Version = [2, 93];
/** Tags in the create call; below 2.26 a filter by tag is dropped without a word, and every server comes back. */
const oldest: Version = [2, 52];

type Version = readonly [number, number];

const shape = z.union([
  z.object({ version: z.object({ id: z.string(), version: z.string() }) }).transform((one) => [one.version]),
  z
    .object({ versions: z.array(z.object({ id: z.string(), version: z.string().default('') })) })
    .transform((all) => all.versions),
]);

/** The microversion to speak with a Nova: the server's newest or ours, whichever is lower. */
export async function negotiate(session: Session, signal: AbortSignal): Promise<string> {
  const call = 'ask for versions';
  const answer = await session.request({ call, service: 'compute', path: '/', expect: [200, 300] }, signal);
  const rows = bodyOf(answer, shape, { call, secrets: [] });
  const theirs = parse(rows.find((row) => row.id === 'v2.1')?.version ?? '');
  if (theirs === null || compare(theirs, oldest) < 0) {
    const detail = `Nova speaks ${theirs === null ? 'no microversions' : theirs.join('.')}; at least ${oldest.join('.')} is needed`;
    throw new OpenStackFailure({ kind: 'settings', call, detail, sent: true });
  }
  return (compare(theirs, newest) < 0 ? theirs : newest).join('.');
}

/** A server that answers in another version than it was asked in may have dropped what that one lacks. */
export function assertSpoken(answer: WireAnswer, version: string, call: string): void {
  const spoken =
    answer.headers.get('openstack-api-version')?.replace(/^compute /, '') ??
    answer.headers.get('x-openstack-nova-api-version');
  if (spoken !== version)
    throw malformed(answer, call, `answered in microversion ${spoken ?? 'none'}, asked in ${version}`);
}

function parse(text: string): Version | null {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,4})$/.exec(text) ?? [];
  return major === undefined ? null : [Number(major), Number(minor)];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1];
}
