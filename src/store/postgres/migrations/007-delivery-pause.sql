-- Deliveries that are held back, by an operator or because the dialler refuses the sender. The type is a lead type's
-- name, or empty for all types.
CREATE TABLE delivery_pause (
  type text COLLATE "C" NOT NULL,
  paused_by text COLLATE "C" NOT NULL CHECK (paused_by IN ('operator', 'dialler')),
  reason text NOT NULL,
  paused_at bigint NOT NULL,
  PRIMARY KEY (type, paused_by)
);

-- By type, so that the leads of a paused type are skipped together, however many there are.
DROP INDEX lead_to_try;
CREATE INDEX lead_to_try ON lead (type_id, next_try_at, id) WHERE state = 'scheduled';
