-- Work in the background goes on beside a chat: in the chat's folder, with a conversation and an agent of its own. Such a
-- place is a lane of the chat, named by its project; the chat itself is the lane ''.
CREATE TABLE sessions_with_lanes (
  bot_id          TEXT NOT NULL,
  chat_id         TEXT NOT NULL,
  lane            TEXT NOT NULL DEFAULT '',
  cwd             TEXT NOT NULL,
  -- The CLI's project folder is named by a lossy slug of the path: two chats must never share one (design §5). Null for a
  -- lane, whose folder is its chat's.
  slug            TEXT COLLATE NOCASE UNIQUE,
  -- The CLI's session id, under which the next agent continues (or begins) the conversation.
  conversation_id TEXT NOT NULL,
  -- The conversation that this one begins as a copy of.
  fork_of         TEXT,
  -- Whether a turn of this conversation has reached an agent.
  first_done      INTEGER NOT NULL DEFAULT 0,
  -- 1 after a stop, until the next message: then the session is not listed.
  stopped         INTEGER NOT NULL DEFAULT 0,
  created_at      INTEGER NOT NULL,
  last_active_at  INTEGER NOT NULL,
  PRIMARY KEY (bot_id, chat_id, lane),
  CHECK ((lane = '') = (slug IS NOT NULL))
) STRICT;
INSERT INTO sessions_with_lanes (bot_id, chat_id, cwd, slug, conversation_id, first_done, stopped, created_at, last_active_at)
  SELECT bot_id, chat_id, cwd, slug, conversation_id, first_done, stopped, created_at, last_active_at FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_with_lanes RENAME TO sessions;

ALTER TABLE agents ADD COLUMN lane TEXT NOT NULL DEFAULT '';

ALTER TABLE turns ADD COLUMN lane TEXT NOT NULL DEFAULT '';
-- Not handed over before this moment: the pause between two batches of a chain.
ALTER TABLE turns ADD COLUMN due_at INTEGER;

-- A turn in a lane, with what becomes of its answer. Its state is that of its turn and of its delivery.
CREATE TABLE tasks (
  task_id        TEXT PRIMARY KEY REFERENCES turns (turn_id),
  bot_id         TEXT NOT NULL,
  chat_id        TEXT NOT NULL,
  project_id     TEXT NOT NULL,
  -- The first task of the chain this one belongs to; its own id where nothing came before.
  chain_id       TEXT NOT NULL,
  -- How many batches came before.
  depth          INTEGER NOT NULL,
  -- How often Claude was asked to cut the work into tasks first, in this chain.
  decompositions INTEGER NOT NULL,
  -- How many batches in a row were interrupted, and how many brought nothing.
  interruptions  INTEGER NOT NULL,
  stale          INTEGER NOT NULL,
  -- How many tasks of the harness were done when the batch was made; null where there was no harness.
  done_before    INTEGER,
  -- The key under which the bot's token is kept, outside of this file. Null: nobody is told.
  token_id       TEXT,
  -- What became of the chain at the end of this batch, in a word.
  outcome        TEXT,
  -- What the person was told about it.
  note           TEXT,
  -- 1 once it was cleaned up: listed no more as work of its chat.
  dismissed      INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_chat ON tasks (bot_id, chat_id, project_id);
CREATE INDEX tasks_chain ON tasks (chain_id, depth);

-- Who is away, and since when; `since` stays when somebody says it again, so that the briefing misses nothing.
CREATE TABLE away (
  bot_id       TEXT NOT NULL,
  chat_id      TEXT NOT NULL,
  since        INTEGER NOT NULL,
  activated_at INTEGER NOT NULL,
  PRIMARY KEY (bot_id, chat_id)
) STRICT, WITHOUT ROWID;
