-- An answer that an edge is giving to a client that named no Idempotency-Key. Such a client (the Go bot) sends its
-- message again when the answer breaks, and must then get the same turn (design §5 H).
CREATE TABLE responses (
  response_id TEXT PRIMARY KEY,
  turn_id     TEXT NOT NULL REFERENCES turns (turn_id),
  -- The life of the edge that gives it. There is one edge at a time: an open response of another life is broken.
  edge        TEXT NOT NULL,
  -- open; completed: all of it was written; broken: the client went away before; resumed: a repeat took it up (once).
  state       TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'completed', 'broken', 'resumed')),
  created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX responses_turn ON responses (turn_id);
CREATE INDEX responses_age ON responses (created_at);
