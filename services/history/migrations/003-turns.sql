-- The turn of sessions that a message began or an answer ended: what happened in between can be read there for as long as its
-- log is kept. Null for what came another way, and for what was stored before this was noted.
ALTER TABLE messages ADD COLUMN turn_id TEXT;
