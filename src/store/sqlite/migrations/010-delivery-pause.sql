-- Deliveries that are held back, by an operator or because the dialler refuses the sender. The type is a lead type's
-- name, or empty for all types.
CREATE TABLE delivery_pause (
  type TEXT NOT NULL,
  paused_by TEXT NOT NULL CHECK (paused_by = 'operator' OR paused_by = 'dialler'),
  reason TEXT NOT NULL,
  paused_at INTEGER NOT NULL,
  PRIMARY KEY (type, paused_by)
) STRICT, WITHOUT ROWID;

-- By type, so that the leads of a paused type are skipped together, however many there are. The id comes by itself.
DROP INDEX lead_to_try;
CREATE INDEX lead_to_try ON lead (type_id, next_try_at) WHERE state = 'scheduled';
