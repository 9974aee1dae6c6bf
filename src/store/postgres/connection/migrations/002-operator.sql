-- Settings that every server and command of the store shares.
CREATE TABLE setting (
  -- Name of the environment variable.
  name text COLLATE "C" PRIMARY KEY,
  value text NOT NULL,
  set_at bigint NOT NULL
);
