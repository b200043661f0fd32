-- How freely the agent may use tools: one that may do more than is allowed now is broken off at once.
ALTER TABLE agents ADD COLUMN permission_mode TEXT NOT NULL DEFAULT 'bypassPermissions';

-- 0 once its folder was deleted: the events of its turns are gone, the turns stay.
ALTER TABLE agents ADD COLUMN logs_kept INTEGER NOT NULL DEFAULT 1;
CREATE INDEX agents_kept ON agents (ended_at) WHERE state = 'dead' AND logs_kept = 1;
