/** The statements of the accounts. Columns are read under the model's names. */

const machineColumns = `
  instance, cloud_id AS cloudId, pool, queue, offer, cloud, user, user_group AS "group", resources, terms,
  started_at_ms AS startedAtMs, ended_at_ms AS endedAtMs, busy_ms AS busyMs, busy_core_ms AS busyCoreMs, jobs, month, uses,
  since_ms AS sinceMs, reported_until_ms AS reportedUntilMs`;

export const selectAllMachineUses = `SELECT ${machineColumns} FROM machine_uses`;
export const selectOpenMachineUses = `${selectAllMachineUses} WHERE ended_at_ms IS NULL ORDER BY instance`;

/** What has been reported is not the tick's to change. */
export const upsertMachineUse = `
  INSERT INTO machine_uses (
    instance, cloud_id, pool, queue, offer, cloud, user, user_group, resources, terms, started_at_ms, ended_at_ms, busy_ms,
    busy_core_ms, jobs, month, uses, since_ms)
  VALUES (
    @instance, @cloudId, @pool, @queue, @offer, @cloud, @user, @group, @resources, @terms, @startedAtMs, @endedAtMs, @busyMs,
    @busyCoreMs, @jobs, @month, @uses, @sinceMs)
  ON CONFLICT (instance) DO UPDATE SET
    cloud_id = excluded.cloud_id, pool = excluded.pool, queue = excluded.queue, offer = excluded.offer,
    cloud = excluded.cloud, user = excluded.user, user_group = excluded.user_group, resources = excluded.resources,
    terms = excluded.terms, started_at_ms = excluded.started_at_ms, ended_at_ms = excluded.ended_at_ms,
    busy_ms = excluded.busy_ms, busy_core_ms = excluded.busy_core_ms, jobs = excluded.jobs, month = excluded.month,
    uses = excluded.uses, since_ms = excluded.since_ms`;

/** The first condition is the index's. Of those that go on, what began before the moment; a mark is never later than its end. */
export const selectUnreported = `
  ${selectAllMachineUses}
  WHERE (ended_at_ms IS NULL OR reported_until_ms IS NULL OR reported_until_ms < ended_at_ms)
    AND instance > @after
    AND (ended_at_ms IS NOT NULL
      OR (started_at_ms < @beforeMs AND (reported_until_ms IS NULL OR reported_until_ms < @beforeMs)))
  ORDER BY instance LIMIT @limit`;

export const markReported = 'UPDATE machine_uses SET reported_until_ms = @untilMs WHERE instance = @instance';

export const selectAllUsage = `
  SELECT day, queue, pool, cloud, offer, user, user_group AS "group", currency, machines, machine_ms AS machineMs,
    core_ms AS coreMs, memory_mib_seconds AS memoryMiBSeconds, cost, busy_ms AS busyMs, busy_core_ms AS busyCoreMs, jobs
  FROM usage_sums`;

const usageAccount = 'queue, pool, cloud, offer, user, user_group, currency';

/** By what the days of an account are added up. */
const grains = {
  month: `strftime('%Y-%m', day * 86400, 'unixepoch'), ${usageAccount}`,
  all: usageAccount,
} as const;

const selectSummed = (grain: keyof typeof grains) => `
  SELECT min(day) AS day, queue, pool, cloud, offer, user, user_group AS "group", currency, sum(machines) AS machines,
    sum(machine_ms) AS machineMs, sum(core_ms) AS coreMs, sum(memory_mib_seconds) AS memoryMiBSeconds, sum(cost) AS cost,
    sum(busy_ms) AS busyMs, sum(busy_core_ms) AS busyCoreMs, sum(jobs) AS jobs
  FROM usage_sums WHERE day >= ? AND day < ? GROUP BY ${grains[grain]}`;

export const selectUsage = {
  day: `${selectAllUsage} WHERE day >= ? AND day < ?`,
  month: selectSummed('month'),
  all: selectSummed('all'),
} as const;

export const addUsage = `
  INSERT INTO usage_sums (
    day, queue, pool, cloud, offer, user, user_group, currency, machines, machine_ms, core_ms, memory_mib_seconds, cost,
    busy_ms, busy_core_ms, jobs)
  VALUES (
    @day, @queue, @pool, @cloud, @offer, @user, @group, @currency, @machines, @machineMs, @coreMs, @memoryMiBSeconds, @cost,
    @busyMs, @busyCoreMs, @jobs)
  ON CONFLICT (day, queue, pool, cloud, offer, user, user_group, currency) DO UPDATE SET
    machines = machines + excluded.machines, machine_ms = machine_ms + excluded.machine_ms,
    core_ms = core_ms + excluded.core_ms, memory_mib_seconds = memory_mib_seconds + excluded.memory_mib_seconds,
    cost = cost + excluded.cost, busy_ms = busy_ms + excluded.busy_ms,
    busy_core_ms = busy_core_ms + excluded.busy_core_ms, jobs = jobs + excluded.jobs`;

export const selectMessages = `
  SELECT name, text, records, made_at_ms AS madeAtMs, folder FROM report_messages ORDER BY made_at_ms, name`;

export const insertMessage = `
  INSERT INTO report_messages (name, text, records, made_at_ms, folder) VALUES (@name, @text, @records, @madeAtMs, @folder)`;

export const setMessageFolder = 'UPDATE report_messages SET folder = @folder WHERE name = @name';
export const deleteMessage = 'DELETE FROM report_messages WHERE name = ?';

export const pruneUsage = `
  DELETE FROM usage_sums WHERE (day, queue, pool, cloud, offer, user, user_group, currency) IN (
    SELECT day, queue, pool, cloud, offer, user, user_group, currency FROM usage_sums WHERE day < ? ORDER BY day LIMIT ?)`;

export const pruneMachineUses = `
  DELETE FROM machine_uses WHERE instance IN (
    SELECT instance FROM machine_uses WHERE ended_at_ms IS NOT NULL AND ended_at_ms < ? ORDER BY ended_at_ms LIMIT ?)`;
