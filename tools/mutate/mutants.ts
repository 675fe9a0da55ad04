/**
 * One small thing broken on purpose. The search text must stand in the file exactly once; the test must fail when it is
 * replaced.
 */
export interface Mutant {
  readonly name: string;
  /** What it breaks: a promise of docs/architecture.md. */
  readonly breaks: string;
  readonly file: string;
  readonly search: string;
  readonly replacement: string;
  readonly testFile: string;
  /** A part of the full name (describe blocks and all) of a test that must fail. */
  readonly test: string;
}

const neverTwice = 'no second machine for a seat';
const noKill = 'no machine is ended under a job';
const silence = 'silence is not zero';
const bounds = 'bounds hold always';
const noThrash = 'what is on its way is not launched again';
const aside = 'what fails is set aside, and tried again';

export const mutants: readonly Mutant[] = [
  {
    name: 'intent stored after the call',
    breaks: neverTwice,
    file: 'src/daemon/daemon.ts',
    search: 'if (result.batch !== null) commit(result.batch, result);',
    replacement:
      'const { batch } = result;\n    if (batch !== null)\n      void clock.sleep(1000, new AbortController().signal).then(() => commit(batch, result));',
    testFile: 'test/daemon/restart.test.ts',
    test: 'a decision that cannot be stored is not carried out',
  },
  {
    name: 'a call in doubt is taken for refused',
    breaks: neverTwice,
    file: 'src/fleet/foldOutcomes.ts',
    search: 'if (inDoubt)\n',
    replacement: 'if (inDoubt && seat.length === 0)\n',
    testFile: 'test/daemon/restart.test.ts',
    test: 'an answer that is lost: the machine is found, not made again',
  },
  {
    name: 'an interrupted call is taken for refused',
    breaks: neverTwice,
    file: 'src/fleet/foldOutcomes.ts',
    search: "{ kind: 'inDoubt' },\n      'the daemon ended before the answer to the create call was stored',",
    replacement:
      "{ kind: 'refused' },\n      'the daemon ended before the answer to the create call was stored',",
    testFile: 'test/fleet/createCalls.test.ts',
    test: 'the daemon ended before the answer',
  },
  {
    name: 'a time-out is sent again where that makes a second machine',
    breaks: neverTwice,
    file: 'src/daemon/tick.ts',
    search: 'if (!site.replaySafe(intent.cloud) || ',
    replacement: 'if (',
    testFile: 'test/daemon/resend.test.ts',
    test: 'is not sent again elsewhere',
  },
  {
    name: 'NotFound right after the create call is believed',
    breaks: neverTwice,
    file: 'src/fleet/foldOutcomes.ts',
    search: 'outcome.askedAtMs >= since + lagMs',
    replacement: 'outcome.askedAtMs + lagMs >= since',
    testFile: 'test/fleet/createCalls.test.ts',
    test: 'in doubt: looked for until the cloud´s list has had its time',
  },
  {
    name: 'EC2: an unknown id is gone',
    breaks: 'no machine is forgotten',
    file: 'src/clouds/ec2/terminate.ts',
    search: "if (clock.monotonicNow() - since < ec2Capabilities.listLagMs) return 'ending';\n",
    replacement: '',
    testFile: 'test/clouds/ec2/terminate.test.ts',
    test: 'is not said to be over at the second call',
  },
  {
    name: 'a list within the lag of the create call is believed',
    breaks: silence,
    file: 'src/fleet/cloudRules.ts',
    search: 'if (takenAtMs < instance.phaseSinceMs + context.listLagMs) return entry;',
    replacement: 'if (takenAtMs < instance.phaseSinceMs) return entry;',
    testFile: 'test/fleet/step.test.ts',
    test: 'a list that was begun before the create call was answered says nothing, nor one within the lag',
  },
  {
    name: 'one list without a machine is believed',
    breaks: silence,
    file: 'src/fleet/cloudRules.ts',
    search: 'export const listsBelieved = 2;',
    replacement: 'export const listsBelieved = 1;',
    testFile: 'test/fleet/step.test.ts',
    test: 'one list is not two, even of a cloud whose list never lags',
  },
  {
    name: 'an empty list is believed like any other',
    breaks: silence,
    file: 'src/fleet/cloudRules.ts',
    search: 'unlisted < (mass ? massListsBelieved : listsBelieved)',
    replacement: 'unlisted < listsBelieved',
    testFile: 'test/fleet/massVanish.test.ts',
    test: 'many that vanish at once are believed gone only after five lists',
  },
  {
    name: 'an incomplete view is believed',
    breaks: silence,
    file: 'src/fleet/foldQueue.ts',
    search: 'view.workersComplete && !(doubtful',
    replacement: '!(doubtful',
    testFile: 'test/fleet/fold.test.ts',
    test: 'what an incomplete view does not show is not silent',
  },
  {
    name: 'a stranger is ended on an incomplete or old view',
    breaks: noKill,
    file: 'src/fleet/fold.ts',
    search: 'view?.workersComplete === true && view.takenAtMs >= sinceMs',
    replacement: 'view !== undefined && sinceMs >= 0',
    testFile: 'test/fleet/strangers.test.ts',
    test: 'with an incomplete view nobody can say that it has no worker: it lives',
  },
  {
    name: 'a launch on a view that lacks workers',
    breaks: silence,
    file: 'src/planner/work.ts',
    search: 'if (input.queues.get(queue)?.view?.workersComplete !== true) {',
    replacement: 'if (input.queues.get(queue)?.view == null) {',
    testFile: 'test/planner/plan.test.ts',
    test: 'no launch for jobs while workers may be missing that could take them',
  },
  {
    name: 'HTCondor: jobs are read before machines',
    breaks: 'a job that starts meanwhile is capacity, not demand',
    file: 'src/queues/htcondor/adapter.ts',
    search: 'let slots = await readSlots(signal);\n    for',
    replacement: 'await readSchedds(signal);\n    let slots = await readSlots(signal);\n    for',
    testFile: 'test/queues/htcondor/poll.test.ts',
    test: 'asks for machines before jobs',
  },
  {
    name: 'HTCondor: an empty answer is believed against the totals',
    breaks: silence,
    file: 'src/queues/htcondor/schedd.ts',
    search: 'return seen < said / 2;',
    replacement: 'return seen < said / 2 && said < 0;',
    testFile: 'test/queues/htcondor/poll.test.ts',
    test: 'no job at all with exit code 0, where the totals say 15',
  },
  {
    name: 'one idle reading is enough',
    breaks: noKill,
    file: 'src/fleet/workerRules.ts',
    search: 'drainedViews >= 2 &&',
    replacement: 'drainedViews >= 1 &&',
    testFile: 'test/fleet/step.test.ts',
    test: 'one view is not two, however short the time between them may be',
  },
  {
    name: 'the time between two idle readings does not matter',
    breaks: noKill,
    file: 'src/fleet/workerRules.ts',
    search: 'takenAtMs >= drainedSinceMs + context.limits.idleConfirmMs',
    replacement: 'takenAtMs >= drainedSinceMs',
    testFile: 'test/fleet/step.test.ts',
    test: 'two drained views far enough apart, and none between that says otherwise, end it',
  },
  {
    name: 'terminated without a drain',
    breaks: noKill,
    file: 'src/fleet/transition.ts',
    search: "enter(sight(entry, notDrained), 'draining', context, {",
    replacement: "enter(sight(entry, notDrained), 'terminating', context, {",
    testFile: 'test/daemon/operator.test.ts',
    test: 'drains: the job runs on, then the machine ends',
  },
  {
    name: 'machines on their way are not subtracted from demand',
    breaks: noThrash,
    file: 'src/planner/serve.ts',
    search: 'const onComing = supply.takeFromComing(demand, allowed - onWorkers, terms);',
    replacement: 'const onComing = 0;',
    testFile: 'test/planner/plan.test.ts',
    test: 'machines on their way take them next: nothing is launched twice',
  },
  {
    name: 'strangers do not count toward max',
    breaks: bounds,
    file: 'src/planner/room.ts',
    search: 'ofPool.add(found.pool, 1);',
    replacement: '',
    testFile: 'test/planner/bounds.test.ts',
    test: 'a stranger counts toward max, too',
  },
  {
    name: 'terminating machines do not count toward max',
    breaks: bounds,
    file: 'src/fleet/entry.ts',
    search: "({ phase }: Instance): boolean => phase !== 'ended';",
    replacement: "({ phase }: Instance): boolean => phase !== 'ended' && phase !== 'terminating';",
    testFile: 'test/planner/bounds.test.ts',
    test: 'a machine that is terminating counts toward max',
  },
  {
    name: 'failed machines count toward min',
    breaks: bounds,
    file: 'src/fleet/entry.ts',
    search: "phase === 'idle' ||\n  phase === 'claimed' ||",
    replacement: "phase === 'idle' ||\n  phase === 'failed' ||\n  phase === 'claimed' ||",
    testFile: 'test/planner/bounds.test.ts',
    test: 'a machine that is failed does not count toward min',
  },
  {
    name: 'what is set aside is never closed',
    breaks: aside,
    file: 'src/planner/setAside.ts',
    search: "aside.probe === null ? 'probe' : 'closed'",
    replacement: "aside.probe === null ? 'probe' : 'open'",
    testFile: 'test/planner/setAside.test.ts',
    test: 'capacity: the offer',
  },
  {
    name: 'what is set aside is never tried again',
    breaks: aside,
    file: 'src/planner/setAside.ts',
    search: "return nowMs >= aside.untilMs && aside.probe === null ? 'probe' : 'closed';",
    replacement: "return 'closed';",
    testFile: 'test/daemon/two-clouds.test.ts',
    test: 'is used again after its probe',
  },
  {
    name: 'deadlines follow the wall clock',
    breaks: 'a wall clock that steps moves no deadline',
    file: 'src/daemon/timeline.ts',
    search: 'now: () => startMs + Math.floor(clock.monotonicNow() - zero)',
    replacement: 'now: () => Math.max(startMs + Math.floor(zero) * 0, clock.wallNow())',
    testFile: 'test/daemon/timing.test.ts',
    test: 'begins at the wall clock and follows the monotonic clock alone',
  },
];
