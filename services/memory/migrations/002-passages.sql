-- The tables of services/runtime/retrieval, as its schema.sql has them.
-- Who made vectors. `current` is set on the one in use.
CREATE TABLE embedding_models (
  id INTEGER PRIMARY KEY,                  -- 0 stands for none
  name TEXT NOT NULL UNIQUE,
  dimensions INTEGER NOT NULL,
  current INTEGER NOT NULL CHECK (current IN (0, 1))
) STRICT;
INSERT INTO embedding_models (id, name, dimensions, current) VALUES (0, '', 0, 0);

-- The pieces that texts are cut into. They are never changed, but for the model that has seen them; their numbers are
-- never used again.
CREATE TABLE passages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  document_id INTEGER NOT NULL,            -- the number under which the service put the text
  embedded_by INTEGER NOT NULL DEFAULT 0 REFERENCES embedding_models (id),
  bot_id TEXT NOT NULL,
  scope TEXT NOT NULL,                     -- chat or category
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,             -- of the text, milliseconds since 1970
  text TEXT NOT NULL
) STRICT;
CREATE INDEX passages_by_document ON passages (document_id);
CREATE INDEX passages_by_model ON passages (embedded_by);

-- Vectors of length 1, float32, little-endian. None where the model can make none of a text.
CREATE TABLE passage_vectors (
  passage_id INTEGER PRIMARY KEY REFERENCES passages (id) ON DELETE CASCADE,
  vector BLOB NOT NULL
) STRICT;

-- One bit a dimension, what is read into memory. Apart from vectors and texts, with a copy of what filters ask for (passages
-- never change), or starting would read 40 times as much.
CREATE TABLE passage_signs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,   -- grows with each new row: who has read up to one need not look back
  passage_id INTEGER NOT NULL UNIQUE REFERENCES passages (id) ON DELETE CASCADE,
  model_id INTEGER NOT NULL REFERENCES embedding_models (id),
  bot_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,             -- milliseconds since 1970
  signs BLOB NOT NULL
) STRICT;

-- Words. `latin`: what stands between spaces, stemmed; `pieces`: single letters and pairs of scripts that write without
-- spaces; `owner`: bot, scope and role as tokens, so that a filter narrows before anything is ranked.
CREATE VIRTUAL TABLE passage_words USING fts5 (
  latin, pieces, owner, tokenize = 'porter unicode61', content = '', contentless_delete = 1
);

-- How many passages a model has seen and how many vectors there are of it: counting a million takes too long.
CREATE TABLE passage_counts (
  model_id INTEGER PRIMARY KEY,
  passages INTEGER NOT NULL DEFAULT 0,
  vectors INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TRIGGER passage_added AFTER INSERT ON passages BEGIN
  INSERT INTO passage_counts (model_id, passages) VALUES (new.embedded_by, 1)
    ON CONFLICT (model_id) DO UPDATE SET passages = passages + 1;
END;
CREATE TRIGGER passage_seen AFTER UPDATE OF embedded_by ON passages BEGIN
  UPDATE passage_counts SET passages = passages - 1 WHERE model_id = old.embedded_by;
  INSERT INTO passage_counts (model_id, passages) VALUES (new.embedded_by, 1)
    ON CONFLICT (model_id) DO UPDATE SET passages = passages + 1;
END;
CREATE TRIGGER passage_removed AFTER DELETE ON passages BEGIN
  UPDATE passage_counts SET passages = passages - 1 WHERE model_id = old.embedded_by;
  DELETE FROM passage_words WHERE rowid = old.id;
END;
CREATE TRIGGER passage_sign_added AFTER INSERT ON passage_signs BEGIN
  INSERT INTO passage_counts (model_id, vectors) VALUES (new.model_id, 1)
    ON CONFLICT (model_id) DO UPDATE SET vectors = vectors + 1;
END;
CREATE TRIGGER passage_sign_removed AFTER DELETE ON passage_signs BEGIN
  UPDATE passage_counts SET vectors = vectors - 1 WHERE model_id = old.model_id;
END;
