-- How often PM2 had started each process at a moment, for as long as that tells a crash loop: also one of metrics itself.
CREATE TABLE restarts (
  name       TEXT NOT NULL,
  at         INTEGER NOT NULL,
  restarts   INTEGER NOT NULL,
  PRIMARY KEY (name, at)
) STRICT, WITHOUT ROWID;
