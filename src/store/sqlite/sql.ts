/** The statements of the store. Columns are read under the model's names, so that a row is checked as it stands. */

const instanceColumns = `
  id, intent, seat, pool, queue, offer, cloud, cause, terms, phase, phase_since_ms AS phaseSinceMs, deadline_ms AS deadlineMs,
  cloud_id AS cloudId, address, worker, created_at_ms AS createdAtMs, running_at_ms AS runningAtMs,
  joined_at_ms AS joinedAtMs, idle_since_ms AS idleSinceMs, claims, end_reason AS endReason, ended_at_ms AS endedAtMs`;

/** When it ended; the index `instances_ended` has the same words. */
const endOf = 'coalesce(ended_at_ms, phase_since_ms)';

const intentColumns =
  'id, pool, offer, cloud, seats, state, created_at_ms AS createdAtMs, sent_at_ms AS sentAtMs';

export const selectInstance = `SELECT ${instanceColumns} FROM instances WHERE id = ?`;

export const selectLiveInstances = `SELECT ${instanceColumns} FROM instances WHERE phase <> 'ended' ORDER BY id`;

export const selectEndedInstances = `
  SELECT ${instanceColumns} FROM instances WHERE phase = 'ended' ORDER BY ${endOf} DESC, id LIMIT ?`;

export const selectOpenIntents = `
  SELECT ${intentColumns} FROM intents
  WHERE id IN (
    SELECT id FROM intents WHERE state IN ('open', 'unknown')
    UNION
    SELECT intent FROM instances WHERE phase <> 'ended'
  )
  ORDER BY id`;

export const selectFacts = 'SELECT key, value FROM facts ORDER BY key';

/** For a check: every row there is. */
export const selectAllInstances = `SELECT ${instanceColumns} FROM instances`;
export const selectAllIntents = `SELECT ${intentColumns} FROM intents`;
export const selectAllEntries = `
  SELECT number, kind, at_ms AS atMs, wall_ms AS wallMs, pool, cloud, offer, intent, instance, demand, why, data
  FROM journal`;

/** Changes no row where the store was opened by another since, or the sequence would go back. */
export const stampMeta = `
  UPDATE meta SET now_ms = @nowMs, wall_ms = @wallMs, sequence = @sequence, log = 'seen'
  WHERE opening = @opening AND sequence <= @sequence`;

export const upsertIntent = `
  INSERT INTO intents (id, pool, offer, cloud, seats, state, created_at_ms, sent_at_ms)
  VALUES (@id, @pool, @offer, @cloud, @seats, @state, @createdAtMs, @sentAtMs)
  ON CONFLICT (id) DO UPDATE SET
    pool = excluded.pool, offer = excluded.offer, cloud = excluded.cloud, seats = excluded.seats,
    state = excluded.state, created_at_ms = excluded.created_at_ms, sent_at_ms = excluded.sent_at_ms`;

export const upsertInstance = `
  INSERT INTO instances (
    id, intent, seat, pool, queue, offer, cloud, cause, terms, phase, phase_since_ms, deadline_ms, cloud_id, address, worker,
    created_at_ms, running_at_ms, joined_at_ms, idle_since_ms, claims, end_reason, ended_at_ms)
  VALUES (
    @id, @intent, @seat, @pool, @queue, @offer, @cloud, @cause, @terms, @phase, @phaseSinceMs, @deadlineMs, @cloudId, @address,
    @worker, @createdAtMs, @runningAtMs, @joinedAtMs, @idleSinceMs, @claims, @endReason, @endedAtMs)
  ON CONFLICT (id) DO UPDATE SET
    intent = excluded.intent, seat = excluded.seat, pool = excluded.pool, queue = excluded.queue,
    offer = excluded.offer, cloud = excluded.cloud, cause = excluded.cause, terms = excluded.terms, phase = excluded.phase,
    phase_since_ms = excluded.phase_since_ms, deadline_ms = excluded.deadline_ms, cloud_id = excluded.cloud_id,
    address = excluded.address, worker = excluded.worker, created_at_ms = excluded.created_at_ms,
    running_at_ms = excluded.running_at_ms, joined_at_ms = excluded.joined_at_ms,
    idle_since_ms = excluded.idle_since_ms, claims = excluded.claims, end_reason = excluded.end_reason,
    ended_at_ms = excluded.ended_at_ms`;

export const upsertFact = `
  INSERT INTO facts (key, value) VALUES (@key, @value)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value`;

export const insertEntry = `
  INSERT INTO journal (kind, at_ms, wall_ms, pool, cloud, offer, intent, instance, demand, why, data)
  VALUES (@kind, @atMs, @wallMs, @pool, @cloud, @offer, @intent, @instance, @demand, @why, @data)`;

export const pruneJournal = `
  DELETE FROM journal WHERE number IN (SELECT number FROM journal WHERE at_ms < ? ORDER BY at_ms LIMIT ?)`;

export const pruneInstances = `
  DELETE FROM instances WHERE id IN (
    SELECT id FROM instances
    WHERE phase = 'ended' AND ${endOf} < ?
    ORDER BY ${endOf} LIMIT ?)`;

export const pruneIntents = `
  DELETE FROM intents WHERE id IN (
    SELECT id FROM intents
    WHERE state IN ('accepted', 'refused', 'never') AND created_at_ms < ?
      AND NOT EXISTS (SELECT 1 FROM instances WHERE instances.intent = intents.id)
    ORDER BY created_at_ms LIMIT ?)`;

export const selectMemory = 'SELECT key, value FROM memories WHERE queue = ? ORDER BY key';

export const upsertMemory = `
INSERT INTO memories (queue, key, value) VALUES (?, ?, ?)
ON CONFLICT (queue, key) DO UPDATE SET value = excluded.value`;

export const deleteMemory = 'DELETE FROM memories WHERE queue = ? AND key = ?';
