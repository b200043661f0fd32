-- Numbers over time. Each sample is added to its minute, its hour and its day in the transaction that keeps it, so that
-- the coarser steps agree with the finer ones whatever is dropped later.
CREATE TABLE series (
  id         INTEGER PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  unit       TEXT NOT NULL
) STRICT;

CREATE TABLE points (
  series_id  INTEGER NOT NULL REFERENCES series (id),
  -- 0 sample, 1 minute, 2 hour, 3 day.
  step       INTEGER NOT NULL CHECK (step BETWEEN 0 AND 3),
  -- When the step began.
  at         INTEGER NOT NULL,
  samples    INTEGER NOT NULL,
  total      REAL NOT NULL,
  min        REAL NOT NULL,
  max        REAL NOT NULL,
  last       REAL NOT NULL,
  PRIMARY KEY (series_id, step, at)
) STRICT, WITHOUT ROWID;

-- What is wrong, and what was.
CREATE TABLE alerts (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  kind       TEXT NOT NULL,
  subject    TEXT NOT NULL,
  level      TEXT NOT NULL CHECK (level IN ('warning', 'critical')),
  message    TEXT NOT NULL,
  raised_at  INTEGER NOT NULL,
  cleared_at INTEGER
) STRICT;
CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE cleared_at IS NULL;

-- How far each of the CLI's session files has been read.
CREATE TABLE usage_files (
  path       TEXT PRIMARY KEY,
  inode      INTEGER NOT NULL,
  -- Behind the last whole line that was read.
  position   INTEGER NOT NULL,
  -- As large as it was when it was looked at last.
  size       INTEGER NOT NULL,
  -- The last bytes before the position: a file that was written anew has others there.
  mark       BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What has been counted, so that a copy of it is not: messages, and conversations by day. `key` is a hash.
CREATE TABLE usage_seen (
  key        INTEGER PRIMARY KEY,
  -- Of the message, as a number: 20261122.
  day        INTEGER NOT NULL,
  -- Of an answer that was counted; the last line of an answer may tell more of them than the first.
  output_tokens INTEGER
) STRICT;

CREATE TABLE usage_days (
  day        INTEGER NOT NULL,
  model      TEXT NOT NULL,
  requests   INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  cache_creation_tokens INTEGER NOT NULL,
  -- The most that one request sent.
  context_max INTEGER NOT NULL,
  PRIMARY KEY (day, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_activity (
  day        INTEGER PRIMARY KEY,
  messages   INTEGER NOT NULL,
  -- Conversations that had a message on that day.
  sessions   INTEGER NOT NULL,
  -- Conversations that had their first one then, in the order of reading.
  new_sessions INTEGER NOT NULL
) STRICT;

CREATE TABLE usage_totals (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  bytes      INTEGER NOT NULL,
  lines      INTEGER NOT NULL,
  skipped_lines INTEGER NOT NULL,
  -- What is older than this day and was not counted by now is a copy of what was, and forgotten. 0: nothing is.
  floor_day  INTEGER NOT NULL
) STRICT;
INSERT INTO usage_totals VALUES (1, 0, 0, 0, 0);
