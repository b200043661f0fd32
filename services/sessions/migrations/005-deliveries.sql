-- A text on its way to a chat of Telegram. Where it is the result of something, it is written in the transaction of that end.
CREATE TABLE deliveries (
  -- The order of arrival, and so the order in which a chat gets them.
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  delivery_id TEXT NOT NULL UNIQUE,
  -- What it is the result of: task:<id>, turn:<id>, run:<id>.
  owner       TEXT NOT NULL,
  bot_id      TEXT NOT NULL,
  -- The chat as Telegram knows it.
  chat_id     TEXT NOT NULL,
  -- The name under which the bot's token is kept in a file.
  token_id    TEXT NOT NULL,
  state       TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'cancelled')),
  reason      TEXT,
  created_at  INTEGER NOT NULL,
  ended_at    INTEGER
) STRICT;
CREATE INDEX deliveries_pending ON deliveries (token_id, chat_id, seq) WHERE state = 'pending';
CREATE INDEX deliveries_owner ON deliveries (owner, seq);
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE state <> 'pending';

-- One message of it.
CREATE TABLE delivery_parts (
  delivery_id   TEXT NOT NULL REFERENCES deliveries (delivery_id) ON DELETE CASCADE,
  n             INTEGER NOT NULL,
  kind          TEXT NOT NULL CHECK (kind IN ('message', 'document')),
  -- The message in Telegram's HTML.
  html          TEXT NOT NULL,
  -- The same without formatting, for a Telegram that refuses the HTML; the caption of a document.
  plain         TEXT NOT NULL,
  -- The contents of the file.
  document      TEXT,
  state         TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'sent', 'failed', 'cancelled')),
  -- Telegram's number for it.
  message_id    INTEGER,
  -- It is not tried again before.
  not_before_at INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (delivery_id, n)
) STRICT;

-- Each try, written before the call and completed after it: one that is still open when the service starts may have arrived.
CREATE TABLE delivery_attempts (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  delivery_id TEXT NOT NULL,
  part        INTEGER NOT NULL,
  form        TEXT NOT NULL CHECK (form IN ('html', 'plain', 'document')),
  -- 1: it said of itself that it may be a repeat.
  labelled    INTEGER NOT NULL,
  outcome     TEXT NOT NULL DEFAULT 'open' CHECK (outcome IN ('open', 'sent', 'refused', 'not_sent', 'ambiguous')),
  status      INTEGER,
  reason      TEXT,
  message_id  INTEGER,
  started_at  INTEGER NOT NULL,
  ended_at    INTEGER,
  FOREIGN KEY (delivery_id, part) REFERENCES delivery_parts (delivery_id, n) ON DELETE CASCADE
) STRICT;
CREATE INDEX delivery_attempts_part ON delivery_attempts (delivery_id, part, id);
CREATE INDEX delivery_attempts_open ON delivery_attempts (id) WHERE outcome = 'open';

-- Until when Telegram wants to hear nothing for a chat, whatever becomes of the message that it said so about.
CREATE TABLE delivery_pauses (
  token_id TEXT NOT NULL,
  chat_id  TEXT NOT NULL,
  until_at INTEGER NOT NULL,
  PRIMARY KEY (token_id, chat_id)
) STRICT, WITHOUT ROWID;
