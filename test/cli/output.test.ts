import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { startTestApi } from '../support/apiServer.ts';
import { fixtureJob } from '../support/fixtureControl.ts';
import { catchText, cli } from '../support/runCli.ts';

/** What a command prints for people, asked of the real server; without the first and the last line break. */
async function printed(...args: readonly string[]): Promise<string> {
  await using api = await startTestApi();
  const { code, stdout, stderr } = await cli(args, { env: { SPILLWAY_SOCKET: api.socket } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return `\n${stdout}`;
}

describe('for people', () => {
  test('status', async () => {
    expect(await printed('status')).toBe(`
farm-1: spillway 0.1.0, running for 2h5m, 2026-11-22 05:00:00Z

QUEUE  ADAPTER   WAITING  RUNNING  HELD  GROUPS  WORKERS  OTHERS  POLLED
main   htcondor       12        4     1       3        2       1  3s ago

CLOUD  DRIVER  FREE  BUSY  UNUSABLE  MAX  LAUNCHING  LISTED                 QUOTA LEFT
ec2    ec2        1     1         1   20     1 of 4  1m1s ago: unavailable  17 instances, 64 CPUs, 128 GiB

POOL   QUEUE  MIN  MAX  HEADROOM  FREE  BUSY  UNUSABLE  PHASES
small  main     0    9         1     1     1         0  1 idle, 1 draining
large  main     1    2         0     0     0         1  1 building

TOTALS                    LAUNCHED  ENDED  REUSED  REFUSED
since the start                  3      1       2        0
since the store was made       310    307    1204        6

SPENT       THIS HOUR  TODAY  THIS MONTH
the site         0.42   7.50      120.00  USD
pool small      0.024   2.50       20.00  USD
user ann         0.42   7.50      100.00  USD

BUDGET      PER  SPENT  COMMITTED   CAP       OVERSPENT  USED UP
pool small  day   2.50       0.01  2.40  USD       0.10  until 2026-11-23 00:00:00Z

LOSSES  CLOUD  MARKET  LOST  IN HOURS  EXPECTED PER HOUR
t-spot  ec2    spot     2.0      40.0               5.0%

without a price, and in no sum: 1 machine

Trouble with cloud ec2 for 1m15s: unavailable: the service answered 503

Alarm for 20m: offer:t-large has failed 3 times in a row: bootFailed: i9-0 did not become usable

DOWNTIME  OF         FROM                  TO                    STAGE         MACHINES  BUSY  WHY
d1        cloud ec2  2026-11-22 07:00:00Z  2026-11-22 11:00:00Z  drains in 1h         3     1  power works

SET ASIDE  CLOUD  TRIED AGAIN  FAILURES  CODE      WHY
t-gpu      ec2    in 4m               3  capacity  the cloud has no room for it

NOT SERVED  POOL   JOBS  CODE     WHY
g2          large     4  poolMax  pool large has 2 of 2
`);
  });

  test('plan', async () => {
    expect(await printed('plan')).toBe(`
would now launch 3 instances, drain 1

LAUNCH  OFFER    CLOUD  POOL   DEMAND  WHY
     2  t-small  ec2    small  g1      3 jobs wait, 1 is served
     1  t-large  ec2    large  -       min is 1

DRAIN  POOL   WHY
i1-0   small  idle for 5m, no job needs it

DEMAND  QUEUE  USER   LEVEL  JOBS  BY WORKERS  COMING  LAUNCH  UNMET  E.G. JOB    WHY UNMET
g1      main   alice   20.0     3           1       0       2      0  7.0@schedd  -
g2      main   alice   20.0     9           0       1       4      4  8.0@schedd  poolMax: pool large has 2 of 2

DEMAND  CANNOT HAVE  CODE  CLAUSE
g2      t-small      job   TARGET.VMType == "large"

BUDGET      PER  SPENT  COMMITTED   CAP       OVERSPENT  USED UP
pool small  day   2.50       0.01  2.40  USD       0.10  until 2026-11-23 00:00:00Z
`);
  });

  test('explain job', async () => {
    expect(await printed('explain', 'job', '9.0@schedd')).toBe(`
job 9.0@schedd of alice: waiting in queue main, in demand g3
wants 1 CPU, 2 GiB memory, 10 GiB disk, 1 GPU
turn 2 of 3: level 21.5 = priority 0 + aging 1.5 + share 20.0
it waits because no offer fits it
next: nothing, until an offer fits it
note: VMTyp is no word that is known here

3 workers: 1 of them matches, 0 with room for it now; 1 coming

OFFER    POOL   CLOUD  FITS  WHY NOT
t-small  small  ec2    no    the job's TARGET.VMType == "gpu" is false ("small" == "gpu")
t-gpu    large  ec2    yes   set aside for 4m: the cloud has no room for it

POOL   MIN  COUNTED  MAX
small    0        2    9
large    1        2    2
`);
  });

  test('explain instance', async () => {
    expect(await printed('explain', 'instance', 'i0-0')).toBe(`
instance i0-0: ended for 30m
booted: 3 jobs of demand g1 wait and no worker takes them
end: no job needed it for 5m

pool      small (queue main)
offer     t-small on cloud ec2
launched  for the pool's min
intent    i0, seat 0
cloud id  i-0a1
address   10.0.0.11
worker    -
created   1h5m ago
running   1h4m ago
joined    1h3m ago
idle      -
jobs      -
claims    3
deadline  -
ended     30m ago
market    onDemand
cost      0.13 USD at 0.12 an hour

NUMBER  TIME                  KIND   ABOUT  WHY
    42  2026-11-22 04:30:00Z  ended  i0-0   no job needed it for 5m
`);
  });

  test('instance list', async () => {
    expect(await printed('instance', 'list', '--ended')).toBe(`
INSTANCE  POOL   OFFER    CLOUD  STATE     PHASE                  FOR   AGE  JOBS  CLAIMS  CLOUD ID  ADDRESS
i0-0      small  t-small  ec2    -         ended (idle)           30m   35m     -       3  i-0a1     10.0.0.11
i1-0      small  t-small  ec2    Free      idle                 1m30s  1h5m     0       3  i-0a1     10.0.0.11
i1-1      small  t-small  ec2    Busy      draining (operator)     5s  1h5m     2       1  i-0a2     10.0.0.12
i2-0      large  t-large  ec2    Unusable  building             700ms    3s     -       0  -         -
`);
  });

  test('instance list, cut and empty', async () => {
    expect(await printed('instance', 'list', '--limit', '1', '--pool', 'small')).toBe(`
INSTANCE  POOL   OFFER    CLOUD  STATE  PHASE    FOR   AGE  JOBS  CLAIMS  CLOUD ID  ADDRESS
i1-0      small  t-small  ec2    Free   idle   1m30s  1h5m     0       3  i-0a1     10.0.0.11
and 1 more instance: see --limit
`);
    expect(await printed('instance', 'list', '--phase', 'failed')).toBe('\nno instances\n');
  });

  test('journal, oldest first', async () => {
    expect(await printed('journal')).toBe(`
NUMBER  TIME                  KIND          ABOUT      WHY
     9  2026-11-22 03:55:00Z  launch        i1-0       3 jobs of demand g1 wait
    17  2026-11-22 04:20:00Z  cloudTrouble  cloud ec2  unavailable: the service answered 503
    42  2026-11-22 04:30:00Z  ended         i0-0       no job needed it for 5m
`);
  });

  test('journal of the last while, by kind', async () => {
    expect(await printed('journal', '--since', '45m', '--kind', 'launch', 'ended')).toBe(`
NUMBER  TIME                  KIND   ABOUT  WHY
    42  2026-11-22 04:30:00Z  ended  i0-0   no job needed it for 5m
`);
    expect(await printed('journal', '--kind', 'anomaly')).toBe('\nno entries\n');
  });

  test('what changes says what follows', async () => {
    expect(await printed('instance', 'launch', 'small', '--count', '2')).toBe(
      '\nlaunching 2 instances of offer t-small on cloud ec2 for pool small:\ni3-0\ni3-1\n',
    );
    expect(await printed('instance', 'drain', 'i1-0')).toBe(
      '\ni1-0: draining; it ends when its last job is done\n',
    );
    expect(await printed('instance', 'drain', 'i1-1')).toBe(
      '\ni1-1: already draining; it ends when its last job is done\n',
    );
    expect(await printed('instance', 'undrain', 'i1-1')).toBe('\ni1-1: claimed; it takes jobs again\n');
    expect(await printed('instance', 'terminate', 'i1-0', '--force')).toBe(
      '\ni1-0: terminating; it ends now\n',
    );
  });
});

describe('colours', () => {
  const coloured = async (isTTY: boolean, env: Record<string, string>): Promise<string> => {
    await using api = await startTestApi();
    const out = catchText(isTTY);
    await cli(['instance', 'list', '--state', 'Free'], {
      stdout: out.sink,
      env: { SPILLWAY_SOCKET: api.socket, ...env },
    });
    return out.text();
  };

  test('on a terminal only, and not where they are unwanted', async () => {
    expect(await coloured(true, {})).toContain('\u001b[32mFree\u001b[0m');
    expect(await coloured(true, { NO_COLOR: '' })).toContain('\u001b[32m');
    expect(await coloured(true, { NO_COLOR: '1' })).not.toContain('\u001b');
    expect(await coloured(true, { TERM: 'dumb' })).not.toContain('\u001b');
    expect(await coloured(false, {})).not.toContain('\u001b');
  });

  test('do not move the columns', async () => {
    const withoutMarks = stripVTControlCharacters(await coloured(true, {}));
    expect(withoutMarks).toBe(await coloured(false, {}));
  });
});

test('text from elsewhere cannot write to the terminal', async () => {
  await using api = await startTestApi();
  api.control.jobLookup = async () => ({
    ...fixtureJob,
    owner: 'eve\u001b[2J\u0007',
    verdict: 'one\nline \u202eback',
  });
  const { stdout } = await cli(['explain', 'job', '1.0'], { env: { SPILLWAY_SOCKET: api.socket } });
  expect(stdout).toContain('of eve\\u{1b}[2J\\u{7}: waiting');
  expect(stdout).toContain('one\\u{a}line \\u{202e}back');
});
