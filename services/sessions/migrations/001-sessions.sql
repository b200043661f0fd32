-- A chat of a bot, with a working directory and a conversation of its own.
CREATE TABLE sessions (
  bot_id          TEXT NOT NULL,
  chat_id         TEXT NOT NULL,
  cwd             TEXT NOT NULL,
  -- The CLI's project folder is named by a lossy slug of the path: two sessions must never share one (design §5).
  slug            TEXT NOT NULL COLLATE NOCASE UNIQUE,
  -- The CLI's session id, under which the next agent continues (or begins) the conversation.
  conversation_id TEXT NOT NULL,
  -- Whether a turn of this conversation has reached an agent.
  first_done      INTEGER NOT NULL DEFAULT 0,
  -- 1 after a stop, until the next message: then the session is not listed.
  stopped         INTEGER NOT NULL DEFAULT 0,
  created_at      INTEGER NOT NULL,
  last_active_at  INTEGER NOT NULL,
  PRIMARY KEY (bot_id, chat_id)
) STRICT;

-- One CLI process and its folder agents/<n>/. The number is never used again.
CREATE TABLE agents (
  n               INTEGER PRIMARY KEY AUTOINCREMENT,
  bot_id          TEXT NOT NULL,
  chat_id         TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  -- In the environment of the process and of all that it starts: how we know our own.
  nonce           TEXT NOT NULL UNIQUE,
  boot_id         TEXT NOT NULL,
  pid             INTEGER,
  pid_start       TEXT,
  -- A hash of all that shaped it; another hash means that it keeps rights or settings of the past.
  fingerprint     TEXT NOT NULL,
  -- live: may be given messages; retiring: finishes what it has; dead: gone, its log read to the end.
  state           TEXT NOT NULL CHECK (state IN ('live', 'retiring', 'dead')),
  -- Up to here its log has been folded into rows: a line behind it may hold something not yet recorded.
  folded_offset   INTEGER NOT NULL DEFAULT 0,
  -- The CLI's cost figure is cumulative for the process: a turn's cost is the difference.
  cost_usd        REAL NOT NULL DEFAULT 0,
  exit_status     INTEGER,
  started_at      INTEGER NOT NULL,
  ended_at        INTEGER
) STRICT;
CREATE INDEX agents_alive ON agents (state) WHERE state <> 'dead';

-- One message and its answer.
CREATE TABLE turns (
  seq             INTEGER PRIMARY KEY AUTOINCREMENT,
  turn_id         TEXT NOT NULL UNIQUE,
  bot_id          TEXT NOT NULL,
  chat_id         TEXT NOT NULL,
  origin          TEXT NOT NULL CHECK (origin IN ('message', 'agent')),
  state           TEXT NOT NULL CHECK (state IN
                    ('waiting', 'handing', 'running', 'answered', 'failed', 'cancelled', 'interrupted', 'expired')),
  message         TEXT NOT NULL,
  user_id         TEXT,
  username        TEXT,
  idempotency_key TEXT,
  -- How many turns of this session stood before it when it came.
  ahead           INTEGER NOT NULL DEFAULT 0,
  -- Time spent waiting while the service ran, in milliseconds (invariant B).
  waited_ms       INTEGER NOT NULL DEFAULT 0,
  -- The agent it was handed to, and the position of that agent's log at that moment.
  agent           INTEGER REFERENCES agents (n),
  start_offset    INTEGER,
  -- How often it was handed over; a second time only after proof that the first never reached the CLI (invariant E).
  attempts        INTEGER NOT NULL DEFAULT 0,
  cancel_asked    INTEGER NOT NULL DEFAULT 0,
  end_offset      INTEGER,
  reply           TEXT,
  reason          TEXT,
  created_at      INTEGER NOT NULL,
  started_at      INTEGER,
  ended_at        INTEGER,
  input_tokens    INTEGER,
  output_tokens   INTEGER,
  cache_read_tokens     INTEGER,
  cache_creation_tokens INTEGER,
  cost_usd        REAL,
  duration_ms     REAL,
  first_token_ms  REAL,
  model           TEXT
) STRICT;
CREATE INDEX turns_open ON turns (seq) WHERE state IN ('waiting', 'handing', 'running');
CREATE INDEX turns_session ON turns (bot_id, chat_id, seq);
CREATE UNIQUE INDEX turns_key ON turns (bot_id, chat_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX turns_agent ON turns (agent);

-- What the service itself has to say in a turn, placed by the position of the agent's log at which it was said.
CREATE TABLE turn_notices (
  turn_id TEXT NOT NULL REFERENCES turns (turn_id),
  agent   INTEGER NOT NULL,
  "offset" INTEGER NOT NULL,
  piece   INTEGER NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (turn_id, agent, "offset", piece)
) STRICT, WITHOUT ROWID;

-- What is owed to history: a row stays until history has acknowledged it.
CREATE TABLE outbox (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  record_id   TEXT NOT NULL UNIQUE,
  record      TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  -- Set when history refused it as malformed: kept to be looked at, and out of the others' way.
  rejected    TEXT
) STRICT;
