-- Whether nobody waits for the answer (a background task, a scheduled prompt): such work stops first when money runs short.
ALTER TABLE turns ADD COLUMN unattended INTEGER NOT NULL DEFAULT 0 CHECK (unattended IN (0, 1));
CREATE INDEX turns_cost ON turns (ended_at) WHERE cost_usd IS NOT NULL;
