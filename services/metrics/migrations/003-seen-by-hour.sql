-- Keys begin with the hour of the message, so that what is read together lies together: with keys strewn by their hash each
-- message of a first scan wrote a page of its own. What was counted under the old keys is counted anew from the files.
DROP TABLE usage_seen;
DELETE FROM usage_files;
DELETE FROM usage_days;
DELETE FROM usage_activity;
UPDATE usage_totals SET bytes = 0, lines = 0, skipped_lines = 0, floor_day = 0;

CREATE TABLE usage_seen (
  -- The hour, and behind it a hash of the message's ids.
  key        INTEGER PRIMARY KEY,
  -- Of the message, as a number: 20261122.
  day        INTEGER NOT NULL,
  -- Of an answer that was counted; the last line of an answer may tell more of them than the first.
  output_tokens INTEGER
) STRICT;

-- Conversations, by the days on which they had a message, and for good where the day is null.
CREATE TABLE usage_sessions (
  key        INTEGER PRIMARY KEY,
  day        INTEGER
) STRICT;
