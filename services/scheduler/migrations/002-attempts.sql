-- When the latest attempt began: its time counts from here, and not from the first attempt (started_at).
ALTER TABLE runs ADD COLUMN attempt_at INTEGER;
