import { describe, expect, it } from 'vitest';
import { failureOf } from '../../../src/queues/htcondor/failure.ts';
import { recorded } from './fake-tools.ts';

/** Every failure that HTCondor 23.9.6 was seen to tell of. */
const cases = [
  ['condor_q', 'unknown_schedd', 'unavailable', 'Error: Collector has no record of schedd/submitter'],
  ['condor_q', 'schedd_off_q_name', 'unavailable', 'Error: Collector has no record of schedd/submitter'],
  ['condor_q', 'schedd_off_q', 'unavailable', "Error: Can't find address for schedd schedd@lab"],
  ['condor_q', 'schedd_hung_q', 'timeout', /Failed to fetch ads.*SECMAN:2007:Read failure/],
  ['condor_q', 'auth_fail_condor_q', 'denied', /Failed to fetch ads.*AUTHENTICATE:1003/],
  ['condor_status', 'auth_fail_condor_status', 'denied', /communication error; AUTHENTICATE:1003/],
  ['condor_q', 'unknown_pool', 'unavailable', /Couldn't contact the condor_collector on 127.0.0.1:19999/],
  [
    'condor_status',
    'status_unknown_pool',
    'unavailable',
    /communication error; CEDAR:6001:Failed to connect/,
  ],
  ['condor_q', 'unresolvable_pool', 'unavailable', 'Error: unknown host no-such-host.invalid'],
  ['condor_q', 'bad_constraint', 'invalid', /Parse error in constraint expression "JobStatus == "/],
  ['condor_status', 'status_bad_constraint', 'invalid', 'Error: invalid constraint'],
  ['condor_q', 'bad_option', 'invalid', 'Error: unrecognized argument -jsonx'],
  [
    'condor_rm',
    'ro_token_rm',
    'denied',
    /SECMAN:2010:Received "DENIED" from server for user reader@lab.test/,
  ],
  ['condor_drain', 'drain_unknown', 'notFound', "ERROR: Can't find address for startd nosuch.pool.test"],
  ['condor_drain', 'drain_denied', 'unavailable', /Failed to start DRAIN_JOBS command/],
  ['condor_drain', 'drain_bad_check', 'unavailable', /error code 10003/],
] as const;

describe('failureOf', () => {
  it.each(cases)('%s: %s is %s', (tool, name, code, message) => {
    const stderr = recorded(`failures/${name}.err`);
    const failure = failureOf(tool, { exitCode: 1, stdout: '', stderr });
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(failure.message.startsWith(`${tool}: `)).toBe(true);
  });

  it('leaves out the advice and stays on one line', () => {
    const stderr = recorded('failures/schedd_off_q.err');
    const { message } = failureOf('condor_q', { exitCode: 1, stdout: '', stderr });
    expect(message).toBe("condor_q: Error: Can't find address for schedd schedd@lab");
  });

  it('says the exit code where the tool says nothing', () => {
    const failure = failureOf('condor_q', { exitCode: 4, stdout: '', stderr: '\n' });
    expect(failure).toMatchObject({ code: 'unavailable', message: 'condor_q: exit code 4' });
  });
});
