-- What bots keep in mind.
CREATE TABLE memories (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  bot_id TEXT NOT NULL,
  key TEXT NOT NULL,
  content TEXT NOT NULL,
  category TEXT NOT NULL,
  created_at INTEGER NOT NULL,             -- milliseconds since 1970, as all moments here
  updated_at INTEGER NOT NULL,
  use_count INTEGER NOT NULL DEFAULT 0,    -- how often a search or a recall found it to the point
  last_used_at INTEGER,
  digest BLOB NOT NULL,                    -- of the content without case and spacing: the same text twice is seen by it
  UNIQUE (bot_id, key)
) STRICT;

CREATE INDEX memories_by_change ON memories (bot_id, updated_at, id);
CREATE INDEX memories_by_digest ON memories (bot_id, digest);

-- The bots that have memories put before their prompts; a bot without a row has not.
CREATE TABLE recall_settings (
  bot_id TEXT PRIMARY KEY,
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  budget_tokens INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which model was in use from when on; the last row holds.
CREATE TABLE embedding_choices (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model TEXT NOT NULL,
  dimensions INTEGER NOT NULL,
  is_change INTEGER NOT NULL CHECK (is_change IN (0, 1)),  -- 0: the first decision, or the settings were changed
  chosen_at INTEGER NOT NULL
) STRICT;
