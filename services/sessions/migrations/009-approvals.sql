-- A permission that an agent asks for. The place of the question in the agent's log names it, so reading the log again finds the same row.
CREATE TABLE approvals (
  agent       INTEGER NOT NULL,
  "offset"    INTEGER NOT NULL,
  -- How the CLI calls it.
  request_id  TEXT NOT NULL,
  bot_id      TEXT NOT NULL,
  chat_id     TEXT NOT NULL,
  -- NULL: in no turn that was handed over.
  turn_id     TEXT,
  tool_use_id TEXT NOT NULL,
  tool_name   TEXT NOT NULL,
  title       TEXT NOT NULL,
  description TEXT,
  -- JSON; whole while it waits, since an allowance repeats it, and shortened afterwards.
  input       TEXT NOT NULL,
  -- JSON: rules that would make the like of it superfluous.
  suggestions TEXT NOT NULL,
  state       TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'allowed', 'denied', 'expired', 'withdrawn')),
  note        TEXT,
  -- JSON, what the agent is still to be told. With the decision in one transaction; NULL once it was written to the agent.
  answer      TEXT,
  asked_at    INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  decided_at  INTEGER,
  PRIMARY KEY (agent, "offset")
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_waiting ON approvals (expires_at) WHERE state = 'waiting';
CREATE INDEX approvals_asked ON approvals (asked_at);
