-- The row that a server writes to find out whether the store can be written. It is nobody else's, so that the check
-- never waits for a lead's row and changes nothing that counts.
CREATE TABLE readiness (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  checked_at INTEGER NOT NULL
) STRICT;
