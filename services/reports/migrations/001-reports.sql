-- The reports: one row each, from the order to its end. Moments are milliseconds since 1970.
CREATE TABLE reports (
  report_id TEXT PRIMARY KEY,
  lang TEXT NOT NULL CHECK (lang IN ('cn', 'en')),
  date TEXT NOT NULL,                      -- YYYY-MM-DD, on the edition's own clocks
  preview INTEGER NOT NULL CHECK (preview IN (0, 1)),
  wants_mail INTEGER NOT NULL CHECK (wants_mail IN (0, 1)),
  force INTEGER NOT NULL CHECK (force IN (0, 1)),
  example INTEGER NOT NULL DEFAULT 0 CHECK (example IN (0, 1)),
  state TEXT NOT NULL,
  step TEXT,                               -- of an end that is none: the step in which it came
  reason TEXT,
  notes TEXT NOT NULL DEFAULT '[]',        -- JSON: sentences about a report that is done
  tries INTEGER NOT NULL DEFAULT 0,        -- of the present step, that have ended
  run TEXT,                                -- the program that works at the present step: the name of its folder
  run_at INTEGER,                          -- when that was started
  complaint TEXT,                          -- of the validator, for the next try of the present step
  gathered TEXT,                           -- what Claude found
  content TEXT,                            -- JSON: the typed structure that everything else is made from
  density INTEGER NOT NULL DEFAULT 0,      -- 1: set smaller, since it was too long; 2: and written shorter
  engine TEXT,
  pages INTEGER,
  bytes INTEGER,
  sha256 TEXT,                             -- of the PDF that was proofed, which is the one that is mailed
  cost_usd REAL,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  revision INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE INDEX reports_by_age ON reports (created_at);
CREATE INDEX reports_by_day ON reports (lang, date, preview);
CREATE INDEX reports_open ON reports (state) WHERE ended_at IS NULL;

CREATE TABLE report_progress (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  report_id TEXT NOT NULL REFERENCES reports (report_id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;

CREATE INDEX report_progress_by_report ON report_progress (report_id, id);

-- Mails: of reports, and to the owner about reports that failed.
CREATE TABLE mails (
  mail_id INTEGER PRIMARY KEY AUTOINCREMENT,
  report_id TEXT NOT NULL REFERENCES reports (report_id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('report', 'alert')),
  state TEXT NOT NULL CHECK (state IN ('waiting', 'handing', 'sent', 'failed', 'doubtful')),
  way TEXT NOT NULL CHECK (way IN ('smtp', 'mail-app', 'files')),
  message_id TEXT NOT NULL,
  sender TEXT NOT NULL,
  to_list TEXT NOT NULL,                   -- JSON: addresses
  cc_list TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  reply_to TEXT NOT NULL,                  -- JSON: {subject, message_ids} of the thread it goes on with, or null
  file TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER,
  reason TEXT,
  created_at INTEGER NOT NULL,
  sent_at INTEGER
) STRICT;

CREATE INDEX mails_by_report ON mails (report_id, mail_id);
CREATE INDEX mails_open ON mails (state) WHERE state IN ('waiting', 'handing');

-- Who has, or may have, what of which day: nobody twice, unless forced. Without any recipient the address is empty.
CREATE TABLE mail_recipients (
  lang TEXT NOT NULL,
  date TEXT NOT NULL,
  preview INTEGER NOT NULL,
  address TEXT NOT NULL,
  round INTEGER NOT NULL,                  -- 0; a forced repeat counts on
  mail_id INTEGER NOT NULL REFERENCES mails (mail_id) ON DELETE CASCADE,
  PRIMARY KEY (lang, date, preview, address, round)
) STRICT, WITHOUT ROWID;

CREATE INDEX mail_recipients_by_mail ON mail_recipients (mail_id);

-- The thread of the week, by edition.
CREATE TABLE threads (
  name TEXT PRIMARY KEY,                   -- en, en-preview
  week TEXT NOT NULL,                      -- its Monday
  subject TEXT NOT NULL,
  message_ids TEXT NOT NULL                -- JSON
) STRICT, WITHOUT ROWID;
