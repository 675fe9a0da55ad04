/**
 * Every metric that the daemon has: its name, what it counts in its unit, and its labels. Nothing else makes one, and
 * docs/metrics.md is generated from here. Names end in their unit; times are seconds. Labels come from closed sets
 * (`labelSets`): names in the configuration, or words of the program. An id of a job, of a machine or of a user is no
 * label: there is no end of them.
 */
export interface Declaration {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly name: `spillway_${string}` | `process_${string}`;
  readonly help: string;
  readonly labels: readonly LabelName[];
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}

/** What may stand in a label. */
export const labelSets = {
  queue: 'names of queues in the configuration',
  cloud: 'names of clouds in the configuration, and of those that have left it and still have machines',
  pool: 'names of pools, likewise; empty where a sum is of the whole site',
  offer: 'names of offers, likewise',
  phase: 'phases of an instance’s life but `ended`: docs/cli.md, `spillway instance list`',
  reason: 'reasons why an instance ended: docs/cli.md, `spillway instance list`',
  state: 'states of jobs, leases and downtimes, as the metric says',
  whose: '`ours`, `others`',
  code: '`ok`, the codes of cloud, queue and store errors, and for unmet jobs the planner’s: docs/cli.md, `spillway plan`',
  call: 'the methods of a driver or an adapter, as the metric says',
  kind: 'kinds of journal entries or of alarms: docs/cli.md',
  scope: '`site`, `pool`',
  per: '`hour`, `day`, `month`',
  currency: 'currencies of the prices in the configuration',
  mode: '`starting`, `running`, `stopping`',
  version: 'the program’s version',
  page: 'the API’s pages as docs/api.md names them, with `:id` for an id; `none` for what is no page',
  status: 'HTTP status codes that the API answers',
} as const;
export type LabelName = keyof typeof labelSets;

/** Calls to other systems. */
const callBuckets = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** From a tenth of a millisecond to a second: work that the loop does itself. */
const workBuckets = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** From a second to three hours: what a job waits. */
const waitBuckets = [1, 5, 10, 20, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600, 10_800];

export const declared = {
  // The daemon itself
  build: {
    kind: 'gauge',
    name: 'spillway_build_info',
    help: '1, with the version that runs',
    labels: ['version'],
  },
  startTime: {
    kind: 'gauge',
    name: 'spillway_start_time_seconds',
    help: 'when the process began, in seconds since 1970 by the host’s clock',
    labels: [],
  },
  mode: {
    kind: 'gauge',
    name: 'spillway_mode',
    help: '1 for what the daemon is doing; `starting` until every queue and cloud has been seen once',
    labels: ['mode'],
  },
  tickDuration: {
    kind: 'histogram',
    name: 'spillway_tick_duration_seconds',
    help: 'how long a tick holds up the loop: fold, match, plan, commit, and the start of what was decided',
    labels: [],
    buckets: workBuckets,
  },
  tickAge: {
    kind: 'gauge',
    name: 'spillway_tick_age_seconds',
    help: 'since the newest tick',
    labels: [],
  },
  tickOverdue: {
    kind: 'gauge',
    name: 'spillway_tick_overdue_seconds',
    help: 'since the next tick has been due; 0 while it is not',
    labels: [],
  },
  loopLag: {
    kind: 'histogram',
    name: 'spillway_loop_lag_seconds',
    help: 'how much later than asked for the process is woken, looked at each second',
    labels: [],
    buckets: workBuckets,
  },
  commitDuration: {
    kind: 'histogram',
    name: 'spillway_store_commit_duration_seconds',
    help: 'how long a commit takes until it is on disk',
    labels: [],
    buckets: workBuckets,
  },
  commitErrors: {
    kind: 'counter',
    name: 'spillway_store_errors_total',
    help: 'commits that failed; after one of a tick the daemon ends',
    labels: ['code'],
  },
  journalEntries: {
    kind: 'counter',
    name: 'spillway_journal_entries_total',
    help: 'journal entries written',
    labels: ['kind'],
  },
  alarms: {
    kind: 'gauge',
    name: 'spillway_alarms',
    help: 'alarms that are raised now',
    labels: ['kind'],
  },
  memory: {
    kind: 'gauge',
    name: 'process_resident_memory_bytes',
    help: 'memory of the process that is in RAM',
    labels: [],
  },
  cpu: {
    kind: 'counter',
    name: 'process_cpu_seconds_total',
    help: 'processor time of the process, user and system',
    labels: [],
  },
  openFiles: {
    kind: 'gauge',
    name: 'process_open_fds',
    help: 'open files, sockets and pipes of the process',
    labels: [],
  },

  // Queues and demand
  queueUp: {
    kind: 'gauge',
    name: 'spillway_queue_up',
    help: '1 where the newest view of the queue may be acted on',
    labels: ['queue'],
  },
  queueViewAge: {
    kind: 'gauge',
    name: 'spillway_queue_view_age_seconds',
    help: 'since the newest poll that worked began; absent before the first',
    labels: ['queue'],
  },
  queueComplete: {
    kind: 'gauge',
    name: 'spillway_queue_view_complete',
    help: '1 where the newest view shows all that is there',
    labels: ['queue'],
  },
  credentials: {
    kind: 'gauge',
    name: 'spillway_job_credentials',
    help: 'waiting and running jobs whose own credential has ended (`ended`) or will soon (`ending`), where the queue tells',
    labels: ['queue', 'state'],
  },
  queueCalls: {
    kind: 'counter',
    name: 'spillway_queue_calls_total',
    help: 'calls to the queue that have ended, by what came of them (`poll`, `admit`, `drain`, `undrain`, `remove`, `job`, `hold`, `tell`)',
    labels: ['queue', 'call', 'code'],
  },
  queueCallDuration: {
    kind: 'histogram',
    name: 'spillway_queue_call_duration_seconds',
    help: 'how long a call to the queue takes, good or bad',
    labels: ['queue', 'call'],
    buckets: callBuckets,
  },
  jobs: {
    kind: 'gauge',
    name: 'spillway_jobs',
    help: 'jobs in the newest view (`waiting`, `running`, `held`)',
    labels: ['queue', 'state'],
  },
  unmetJobs: {
    kind: 'gauge',
    name: 'spillway_jobs_unmet',
    help: 'waiting jobs for which nothing is done, by why, as of the newest tick',
    labels: ['queue', 'code'],
  },
  demandGroups: {
    kind: 'gauge',
    name: 'spillway_demand_groups',
    help: 'groups of waiting jobs that want the same',
    labels: ['queue'],
  },
  workers: {
    kind: 'gauge',
    name: 'spillway_workers',
    help: 'workers in the newest view',
    labels: ['queue', 'whose'],
  },
  jobToCreate: {
    kind: 'histogram',
    name: 'spillway_job_to_create_seconds',
    help: 'from the view that first shows a job waiting to the decision of the create call for it',
    labels: ['pool', 'cloud'],
    buckets: waitBuckets,
  },
  jobToFree: {
    kind: 'histogram',
    name: 'spillway_job_to_free_seconds',
    help: 'from the view that first shows a job waiting to the view that shows the machine launched for it Free',
    labels: ['pool', 'cloud'],
    buckets: waitBuckets,
  },
  jobToBusy: {
    kind: 'histogram',
    name: 'spillway_job_to_busy_seconds',
    help: 'from the view that first shows a job waiting to the view that shows the machine launched for it Busy',
    labels: ['pool', 'cloud'],
    buckets: waitBuckets,
  },

  // Clouds and offers
  cloudUp: {
    kind: 'gauge',
    name: 'spillway_cloud_up',
    help: '1 where the newest list of the cloud may be acted on',
    labels: ['cloud'],
  },
  cloudListAge: {
    kind: 'gauge',
    name: 'spillway_cloud_list_age_seconds',
    help: 'since the newest list that worked began; absent before the first',
    labels: ['cloud'],
  },
  cloudCalls: {
    kind: 'counter',
    name: 'spillway_cloud_calls_total',
    help: 'calls to the cloud that have ended, by what came of them (`list`, `launch`, `resolve`, `terminate`, `quota`, `prices`)',
    labels: ['cloud', 'call', 'code'],
  },
  cloudCallDuration: {
    kind: 'histogram',
    name: 'spillway_cloud_call_duration_seconds',
    help: 'how long a call to the cloud takes, good or bad',
    labels: ['cloud', 'call'],
    buckets: callBuckets,
  },
  launchesInFlight: {
    kind: 'gauge',
    name: 'spillway_launches_in_flight',
    help: 'machines whose create call has not been answered yet',
    labels: ['cloud'],
  },
  setAside: {
    kind: 'gauge',
    name: 'spillway_offer_set_aside',
    help: '1 for each offer that is not launched freely after failures of its own or of its cloud, with the code of the last',
    labels: ['cloud', 'offer', 'code'],
  },

  // Machines
  instances: {
    kind: 'gauge',
    name: 'spillway_instances',
    help: 'machines that have not ended',
    labels: ['pool', 'cloud', 'phase'],
  },
  launched: {
    kind: 'counter',
    name: 'spillway_instances_launched_total',
    help: 'machines that a cloud has made for us',
    labels: ['pool', 'cloud', 'offer'],
  },
  ended: {
    kind: 'counter',
    name: 'spillway_instances_ended_total',
    help: 'instances that have ended, those that never ran among them',
    labels: ['pool', 'cloud', 'reason'],
  },
  bootTime: {
    kind: 'histogram',
    name: 'spillway_instance_boot_seconds',
    help: 'from the decision of a create call to the list that shows the machine running',
    labels: ['cloud', 'offer'],
    buckets: waitBuckets,
  },
  joinTime: {
    kind: 'histogram',
    name: 'spillway_instance_join_seconds',
    help: 'from the list that shows a machine running to the view that shows its worker',
    labels: ['cloud', 'offer'],
    buckets: waitBuckets,
  },
  wouldBe: {
    kind: 'gauge',
    name: 'spillway_would_be_instances',
    help: 'machines that would be there now, had their clouds and pools not been told to `observe`',
    labels: ['pool', 'cloud', 'offer'],
  },
  poolMin: {
    kind: 'gauge',
    name: 'spillway_pool_min_instances',
    help: 'min that holds now',
    labels: ['pool'],
  },
  poolMax: {
    kind: 'gauge',
    name: 'spillway_pool_max_instances',
    help: 'max that holds now',
    labels: ['pool'],
  },
  poolPaused: {
    kind: 'gauge',
    name: 'spillway_pool_paused',
    help: '1 where an operator has paused the pool',
    labels: ['pool'],
  },
  leases: {
    kind: 'gauge',
    name: 'spillway_leases',
    help: 'leases that have not ended (`waiting`, `preparing`, `held`, `cleaning`)',
    labels: ['pool', 'state'],
  },
  downtimes: {
    kind: 'gauge',
    name: 'spillway_downtimes',
    help: 'downtimes that are declared and not over (`planned`, `draining`, `active`)',
    labels: ['state'],
  },

  // Money
  spent: {
    kind: 'gauge',
    name: 'spillway_money_spent',
    help: 'in this hour, day and month so far, in units of the currency: docs/money.md',
    labels: ['scope', 'pool', 'per', 'currency'],
  },
  rate: {
    kind: 'gauge',
    name: 'spillway_money_rate_per_hour',
    help: 'what the machines that are paid for now cost in an hour',
    labels: ['pool', 'cloud', 'currency'],
  },
  wouldBeCost: {
    kind: 'gauge',
    name: 'spillway_would_be_cost',
    help: 'what they, and those that would have ended, would have cost since observing began',
    labels: ['currency'],
  },
  wouldBeRate: {
    kind: 'gauge',
    name: 'spillway_would_be_rate_per_hour',
    help: 'what those that would be there now would cost in an hour',
    labels: ['currency'],
  },
  budgetCap: {
    kind: 'gauge',
    name: 'spillway_budget_cap',
    help: 'what a budget of the site or a pool allows in its hour, day or month',
    labels: ['scope', 'pool', 'per', 'currency'],
  },
  budgetCommitted: {
    kind: 'gauge',
    name: 'spillway_budget_committed',
    help: 'what the machines that there are will yet cost in the window although they are ended as soon as can be',
    labels: ['scope', 'pool', 'per', 'currency'],
  },
  budgetLeft: {
    kind: 'gauge',
    name: 'spillway_budget_left',
    help: 'cap less what is spent and committed; below 0 where it is overspent',
    labels: ['scope', 'pool', 'per', 'currency'],
  },
  budgetsUsedUp: {
    kind: 'gauge',
    name: 'spillway_budgets_used_up',
    help: 'budgets that are used up, those of users among them',
    labels: [],
  },
  unpriced: {
    kind: 'gauge',
    name: 'spillway_instances_unpriced',
    help: 'machines whose price is not known: what they cost is in no sum',
    labels: [],
  },

  // The API
  apiRequests: {
    kind: 'counter',
    name: 'spillway_api_requests_total',
    help: 'requests that the API has answered',
    labels: ['page', 'status'],
  },
  apiDuration: {
    kind: 'histogram',
    name: 'spillway_api_request_duration_seconds',
    help: 'how long an answer takes; pages that wait for something to happen are not counted',
    labels: ['page'],
    buckets: callBuckets,
  },
} as const satisfies Readonly<Record<string, Declaration>>;
export type MetricKey = keyof typeof declared;
