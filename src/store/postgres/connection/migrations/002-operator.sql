-- Settings that every server and command of the store shares.
CREATE TABLE setting (
  -- Name of the environment variable.
  name text COLLATE "C" PRIMARY KEY,
  value text NOT NULL,
  set_at bigint NOT NULL
);

-- The key that a submission or cancellation was sent with; null: it was received before this migration.
ALTER TABLE submission ADD COLUMN key_id text COLLATE "C";
