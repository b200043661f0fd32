-- The memories that were put before the prompt: a JSON list of their ids, null where there were none.
ALTER TABLE turns ADD COLUMN memories TEXT;
