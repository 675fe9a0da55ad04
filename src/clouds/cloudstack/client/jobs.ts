import type { CallOptions, Client } from './client.ts';
import { CallFailure } from './failure.ts';
import { redact } from './redact.ts';
import { jobState, parsed } from './wire.ts';

export type JobOutcome =
  | { readonly kind: 'underWay' }
  | { readonly kind: 'done' }
  /** What the command would have been refused with, had it not been a job's. */
  | { readonly kind: 'failed'; readonly failure: CallFailure };

/** How a job stands that `command` started; one call. The server forgets jobs after a day, and then refuses with 431. */
export async function jobOutcome(
  client: Client,
  job: { readonly id: string; readonly command: string },
  options: CallOptions,
): Promise<JobOutcome> {
  const query = 'queryAsyncJobResult';
  const state = parsed(query, jobState, await client.call(query, { jobid: job.id }, options));
  if (state.jobstatus === 0) return { kind: 'underWay' };
  if (state.jobstatus === 1) return { kind: 'done' };
  const errorCode = state.jobresult?.errorcode ?? state.jobresultcode ?? null;
  const text = redact(state.jobresult?.errortext ?? 'no reason given', options.secrets ?? []);
  const facts = { kind: 'refused', errorCode } as const;
  return {
    kind: 'failed',
    failure: new CallFailure(job.command, `${errorCode ?? 'failed'}: ${text}`, facts),
  };
}
