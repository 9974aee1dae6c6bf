-- Settings that every server and command of the store shares.
CREATE TABLE setting (
  -- Name of the environment variable.
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL,
  set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The key that a submission or cancellation was sent with; null: it was received before this migration.
ALTER TABLE submission ADD COLUMN key_id TEXT;
