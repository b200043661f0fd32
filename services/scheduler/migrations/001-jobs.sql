-- What is to be run, and when.
CREATE TABLE jobs (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  bot_id           TEXT NOT NULL,
  name             TEXT NOT NULL,
  cron_expression  TEXT NOT NULL,
  -- As it was given; null: the machine's. `zone` is the one in use.
  timezone         TEXT,
  zone             TEXT NOT NULL,
  command          TEXT NOT NULL,
  job_type         TEXT NOT NULL CHECK (job_type IN ('shell', 'claude')),
  enabled          INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  misfire          TEXT NOT NULL CHECK (misfire IN ('skip', 'once', 'all')),
  misfire_limit    INTEGER NOT NULL,
  overlap          TEXT NOT NULL CHECK (overlap IN ('skip', 'queue', 'allow')),
  -- Null: what the settings say.
  timeout_s        INTEGER,
  retries          INTEGER NOT NULL,
  jitter_s         INTEGER NOT NULL,
  disable_after    INTEGER NOT NULL,
  spend_limit_usd  REAL,
  delivery_kind    TEXT NOT NULL CHECK (delivery_kind IN ('none', 'telegram', 'webhook')),
  -- Telegram: the chat, and the id under which sessions keeps the bot's token. Webhook: the address.
  delivery_to      TEXT,
  delivery_token_id TEXT,
  cwd              TEXT,
  chat_id          TEXT,
  -- Failures in a row.
  failures         INTEGER NOT NULL DEFAULT 0,
  problem          TEXT,
  last_run_at      INTEGER,
  last_result      TEXT,
  -- The first due moment that has no row yet, and when it is looked at (its jitter later). Null: none will come.
  next_at          INTEGER,
  due_at           INTEGER,
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_due ON jobs (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_bot ON jobs (bot_id, created_at DESC, id DESC);
CREATE INDEX jobs_age ON jobs (created_at DESC, id DESC);

-- What a job's due moments were, and since when: the auditor recomputes from this, and never from next_at. A null
-- expression: from here on nothing came due (disabled, deleted).
CREATE TABLE schedules (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id           INTEGER NOT NULL,
  since_at         INTEGER NOT NULL,
  cron_expression  TEXT,
  zone             TEXT NOT NULL,
  jitter_s         INTEGER NOT NULL
) STRICT;
CREATE INDEX schedules_job ON schedules (job_id, id);

-- The ledger: every due moment has exactly one row here, and every manual run. Rows outlive their job.
CREATE TABLE runs (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id           TEXT NOT NULL UNIQUE,
  job_id           INTEGER NOT NULL,
  bot_id           TEXT NOT NULL,
  "trigger"        TEXT NOT NULL CHECK ("trigger" IN ('schedule', 'manual', 'catch-up')),
  scheduled_at     INTEGER NOT NULL,
  -- Of a row that stands for many missed moments: the last of them.
  missed_until_at  INTEGER,
  state            TEXT NOT NULL CHECK (state IN ('claimed', 'running', 'ran', 'failed', 'skipped', 'missed', 'interrupted')),
  reason           TEXT,
  attempt          INTEGER NOT NULL DEFAULT 0,
  -- Of a claimed run: not before this moment (the wait before another attempt).
  retry_at         INTEGER,
  claimed_at       INTEGER NOT NULL,
  started_at       INTEGER,
  ended_at         INTEGER,
  duration_ms      INTEGER,
  exit_code        INTEGER,
  result           TEXT,
  stderr           TEXT,
  -- Shell: the folder of the attempt, which is also the nonce in the environment of all that it starts, and the life of
  -- the machine in which it was begun.
  folder           TEXT,
  boot_id          TEXT,
  -- Claude: the turn of the attempt.
  turn_id          TEXT,
  cost_usd         REAL,
  stop_asked       INTEGER NOT NULL DEFAULT 0,
  -- Names the call that began a manual run: a repeat of the call attaches to it.
  call_key         TEXT
) STRICT;
CREATE UNIQUE INDEX runs_moment ON runs (job_id, scheduled_at) WHERE "trigger" <> 'manual';
CREATE UNIQUE INDEX runs_call ON runs (job_id, call_key) WHERE call_key IS NOT NULL;
CREATE INDEX runs_open ON runs (job_id, id) WHERE state IN ('claimed', 'running');
CREATE INDEX runs_job ON runs (job_id, id);
CREATE INDEX runs_age ON runs (claimed_at);

-- How far the ledger of a job was cut off by retention: moments up to here have no rows any more, and are not looked for.
CREATE TABLE forgotten (
  job_id           INTEGER PRIMARY KEY,
  until_at         INTEGER NOT NULL
) STRICT;

-- What a run has written, where it is more than fits in its row: beginning and end, at most 1 MB each stream.
CREATE TABLE outputs (
  run_id           TEXT PRIMARY KEY REFERENCES runs (run_id) ON DELETE CASCADE,
  stdout           BLOB NOT NULL,
  stderr           BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A result on its way to where its job wants it; apart from the run, which has ended.
CREATE TABLE deliveries (
  run_id           TEXT PRIMARY KEY REFERENCES runs (run_id) ON DELETE CASCADE,
  kind             TEXT NOT NULL CHECK (kind IN ('telegram', 'webhook')),
  "to"             TEXT NOT NULL,
  token_id         TEXT,
  body             TEXT NOT NULL,
  state            TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts         INTEGER NOT NULL DEFAULT 0,
  reason           TEXT,
  next_at          INTEGER NOT NULL,
  created_at       INTEGER NOT NULL,
  ended_at         INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_pending ON deliveries (next_at) WHERE state = 'pending';

-- The latest moment that this service has seen: if it lies ahead at a start, the clock was set back.
CREATE TABLE clock (
  id               INTEGER PRIMARY KEY CHECK (id = 1),
  seen_at          INTEGER NOT NULL
) STRICT;
INSERT INTO clock (id, seen_at) VALUES (1, 0);
