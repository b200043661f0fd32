-- Every message and every answer, in the order in which it arrived.
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT NOT NULL,                -- gw-<bot>-<chat> for what came through the gateway
  role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
  content TEXT NOT NULL,                   -- may be empty, may hold NUL
  source TEXT NOT NULL,                    -- telegram, error, cli, api, …
  telegram_chat_id INTEGER,                -- null where the chat's name is not a number
  user_id TEXT,
  username TEXT,
  created_at INTEGER NOT NULL,             -- milliseconds since 1970
  bot_id TEXT NOT NULL,
  record_id TEXT UNIQUE                    -- the sender's name for this message; null where it was posted by hand
) STRICT;

CREATE INDEX messages_by_session ON messages (session_id, id);

-- What a list of chats shows, kept in the transaction that stores a message: grouping 100,000 messages for each list
-- would hold the process for as long as everybody else waits.
CREATE TABLE chats (
  session_id TEXT NOT NULL,
  bot_id TEXT NOT NULL,
  started_at INTEGER NOT NULL,             -- milliseconds since 1970
  last_message_at INTEGER NOT NULL,
  message_count INTEGER NOT NULL,
  last_id INTEGER NOT NULL,                -- newest message: breaks ties of last_message_at
  PRIMARY KEY (session_id, bot_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX chats_by_bot ON chats (bot_id, last_message_at);
