/**
 * The store's schema, as the numbered steps that make it. A step that has been released is never edited: a change is
 * a new step at the end, and `user_version` in the file says how many have been applied.
 *
 * Times are daemon time in ms unless their name says `wall`; REAL, because the monotonic clock counts fractions. In
 * usage_sums an empty user, group or currency is one that is not known.
 */
export interface Migration {
  readonly version: number;
  readonly sql: string;
}

/** In the header of every store: tells ours from any other SQLite file. */
export const applicationId = 0x5350_574c;

/*
 * meta.log tells a whole file from one whose write-ahead log was lost. While a daemon has the store open, newer commits
 * are in the log only, and the file by itself says `needed`; read together with its log it says `seen`. A file that
 * says `needed` and has no log was copied without it, or has lost it. `none`: closed in good order.
 *
 * meta.opening counts who opened the store to write: a commit of an earlier opening is refused.
 */
const first = `
CREATE TABLE meta (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  site     TEXT    NOT NULL,
  now_ms   REAL,
  wall_ms  REAL,
  sequence INTEGER NOT NULL CHECK (sequence >= 0),
  opening  INTEGER NOT NULL CHECK (opening >= 0),
  holder   TEXT,
  log      TEXT    NOT NULL CHECK (log IN ('none', 'needed', 'seen'))
) STRICT;

CREATE TABLE intents (
  id            TEXT    PRIMARY KEY,
  pool          TEXT    NOT NULL,
  offer         TEXT    NOT NULL,
  cloud         TEXT    NOT NULL,
  seats         INTEGER NOT NULL CHECK (seats >= 1),
  state         TEXT    NOT NULL CHECK (state IN ('open', 'unknown', 'accepted', 'refused', 'never')),
  created_at_ms REAL    NOT NULL,
  sent_at_ms    REAL
) STRICT, WITHOUT ROWID;

CREATE INDEX intents_unsettled ON intents (id) WHERE state IN ('open', 'unknown');
CREATE INDEX intents_settled ON intents (created_at_ms) WHERE state IN ('accepted', 'refused', 'never');

CREATE TABLE instances (
  id             TEXT    PRIMARY KEY,
  intent         TEXT    NOT NULL REFERENCES intents (id),
  seat           INTEGER NOT NULL CHECK (seat >= 0),
  pool           TEXT    NOT NULL,
  queue          TEXT    NOT NULL,
  offer          TEXT    NOT NULL,
  cloud          TEXT    NOT NULL,
  cause          TEXT    NOT NULL CHECK (json_valid(cause)),
  terms          TEXT    NOT NULL CHECK (json_valid(terms)),
  phase          TEXT    NOT NULL CHECK (phase IN (
    'requested', 'unknown', 'building', 'joining', 'idle', 'claimed', 'leased',
    'draining', 'unreachable', 'failed', 'terminating', 'ended')),
  phase_since_ms REAL    NOT NULL,
  deadline_ms    REAL,
  cloud_id       TEXT,
  address        TEXT,
  worker         TEXT,
  created_at_ms  REAL    NOT NULL,
  running_at_ms  REAL,
  joined_at_ms   REAL,
  idle_since_ms  REAL,
  claims         INTEGER NOT NULL CHECK (claims >= 0),
  end_reason     TEXT    CHECK (end_reason IN (
    'idle', 'lifetime', 'bootDeadline', 'joinDeadline', 'unreachable', 'bootFailed',
    'refused', 'neverLaunched', 'lost', 'operator', 'twin', 'orphan', 'removed', 'budget',
    'downtime', 'blackHole', 'yielded', 'released', 'reclaimed')),
  ended_at_ms    REAL
) STRICT, WITHOUT ROWID;

CREATE INDEX instances_by_intent ON instances (intent);
CREATE INDEX instances_alive ON instances (id) WHERE phase <> 'ended';
CREATE INDEX instances_ended ON instances (coalesce(ended_at_ms, phase_since_ms)) WHERE phase = 'ended';

CREATE TABLE facts (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL CHECK (json_valid(value))
) STRICT, WITHOUT ROWID;

CREATE TABLE memories (
  queue TEXT NOT NULL,
  key   TEXT NOT NULL,
  value TEXT NOT NULL CHECK (json_valid(value)),
  PRIMARY KEY (queue, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE machine_uses (
  instance          TEXT    PRIMARY KEY,
  cloud_id          TEXT    NOT NULL,
  pool              TEXT    NOT NULL,
  queue             TEXT    NOT NULL,
  offer             TEXT    NOT NULL,
  cloud             TEXT    NOT NULL,
  user              TEXT,
  user_group        TEXT,
  resources         TEXT    NOT NULL CHECK (json_valid(resources)),
  terms             TEXT    NOT NULL CHECK (json_valid(terms)),
  started_at_ms     REAL    NOT NULL,
  ended_at_ms       REAL,
  busy_ms           REAL    NOT NULL,
  busy_core_ms      REAL    NOT NULL,
  jobs              INTEGER NOT NULL CHECK (jobs >= 0),
  month             TEXT    CHECK (json_valid(month)),
  uses              TEXT    NOT NULL CHECK (json_valid(uses)),
  since_ms          REAL    NOT NULL,
  reported_until_ms REAL
) STRICT, WITHOUT ROWID;

CREATE INDEX machine_uses_open ON machine_uses (instance) WHERE ended_at_ms IS NULL;
CREATE INDEX machine_uses_ended ON machine_uses (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE INDEX machine_uses_unreported ON machine_uses (instance)
  WHERE ended_at_ms IS NULL OR reported_until_ms IS NULL OR reported_until_ms < ended_at_ms;

CREATE TABLE usage_sums (
  day                INTEGER NOT NULL,
  queue              TEXT    NOT NULL,
  pool               TEXT    NOT NULL,
  cloud              TEXT    NOT NULL,
  offer              TEXT    NOT NULL,
  user               TEXT    NOT NULL,
  user_group         TEXT    NOT NULL,
  currency           TEXT    NOT NULL,
  machines           INTEGER NOT NULL,
  machine_ms         REAL    NOT NULL,
  core_ms            REAL    NOT NULL,
  memory_mib_seconds REAL    NOT NULL,
  cost               REAL    NOT NULL,
  busy_ms            REAL    NOT NULL,
  busy_core_ms       REAL    NOT NULL,
  jobs               INTEGER NOT NULL,
  PRIMARY KEY (day, queue, pool, cloud, offer, user, user_group, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE report_messages (
  name       TEXT    PRIMARY KEY,
  text       TEXT    NOT NULL,
  records    INTEGER NOT NULL CHECK (records >= 1),
  made_at_ms REAL    NOT NULL,
  folder     TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE journal_kinds (kind TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO journal_kinds (kind) VALUES
  ('started'), ('stopped'), ('decision'), ('launch'), ('phase'), ('ended'), ('adopted'), ('offerSetAside'),
  ('offerBack'), ('cloudTrouble'), ('cloudBack'), ('queueTrouble'), ('queueBack'), ('operator'), ('anomaly'), ('budget'),
  ('alarm'), ('alarmOver'), ('downtime'), ('jobs'), ('hook'),
  ('reload'), ('observe');

CREATE TABLE journal (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  kind     TEXT NOT NULL REFERENCES journal_kinds (kind),
  at_ms    REAL NOT NULL,
  wall_ms  REAL NOT NULL,
  pool     TEXT,
  cloud    TEXT,
  offer    TEXT,
  intent   TEXT,
  instance TEXT,
  demand   TEXT,
  why      TEXT NOT NULL,
  data     TEXT CHECK (json_valid(data))
) STRICT;

CREATE INDEX journal_by_kind ON journal (kind);
CREATE INDEX journal_by_time ON journal (at_ms);
CREATE INDEX journal_by_pool ON journal (pool) WHERE pool IS NOT NULL;
CREATE INDEX journal_by_cloud ON journal (cloud) WHERE cloud IS NOT NULL;
CREATE INDEX journal_by_offer ON journal (offer) WHERE offer IS NOT NULL;
CREATE INDEX journal_by_intent ON journal (intent) WHERE intent IS NOT NULL;
CREATE INDEX journal_by_instance ON journal (instance) WHERE instance IS NOT NULL;

CREATE TRIGGER journal_is_append_only BEFORE UPDATE ON journal
BEGIN
  SELECT raise(ABORT, 'the journal is append-only');
END;
`;

export const migrations: readonly Migration[] = [{ version: 1, sql: first }];
