-- The lead's table is made anew: `released` becomes a number that orders the leads of a person and type, since
-- identifiers come from clocks. A failed lead that the dialler may have becomes active again if it is the last one.
CREATE TABLE lead_in_order (
  id TEXT NOT NULL PRIMARY KEY,
  type_id INTEGER NOT NULL REFERENCES lead_type (id),
  mobile TEXT NOT NULL,
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  -- No foreign key: a lead is written before its submission, whose outcome it decides, and a deferred
  -- key would search all leads at each submission.
  submission_id TEXT NOT NULL,
  -- No IN: for more than two texts SQLite builds a table each time that it checks one.
  state TEXT NOT NULL CHECK (
    state = 'scheduled' OR state = 'dialled' OR state = 'cancelled' OR state = 'failed' OR state = 'expired'
  ),
  -- 0 while the lead is active, so that no second one is accepted for the same person and type; then 1, 2, 3, ... in
  -- the order in which the leads of the person and type were released. One unique index keeps the promise, finds
  -- all leads of a person and tells which is the last.
  released INTEGER NOT NULL DEFAULT 0 CHECK (released >= 0),
  accepted_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  -- From when on the lead may be claimed: its due time, then the end of each lease or pause.
  next_try_at INTEGER NOT NULL,
  -- Who is delivering it; null if nobody is.
  claim TEXT,
  -- Since it was accepted, or since the operator retried it.
  tries INTEGER NOT NULL DEFAULT 0,
  -- Whether an attempt ended without a clear answer, so that the dialler may have it.
  may_have_arrived INTEGER NOT NULL DEFAULT 0 CHECK (may_have_arrived IN (0, 1)),
  dialled_at INTEGER,
  cancelled_at INTEGER,
  -- Trace of the request that made it (W3C Trace Context, traceparent); null without tracing.
  trace TEXT
) STRICT, WITHOUT ROWID;

INSERT INTO lead_in_order (id, type_id, mobile, partner_id, submission_id, state, released, accepted_at, due_at,
  next_try_at, claim, tries, may_have_arrived, dialled_at, cancelled_at, trace)
SELECT id, type_id, mobile, partner_id, submission_id, state,
  CASE
    WHEN released = '' THEN 0
    WHEN state = 'failed' AND may_have_arrived AND NOT EXISTS (
      SELECT 1 FROM lead AS other WHERE other.mobile = lead.mobile AND other.type_id = lead.type_id
        AND (other.released = '' OR other.released > lead.released)
    ) THEN 0
    ELSE 1 + (
      SELECT count(*) FROM lead AS other WHERE other.mobile = lead.mobile AND other.type_id = lead.type_id
        AND other.released > '' AND other.released < lead.released)
  END,
  accepted_at, due_at, next_try_at, claim, tries, may_have_arrived, dialled_at, cancelled_at, trace
FROM lead;

DROP TABLE lead;
ALTER TABLE lead_in_order RENAME TO lead;

CREATE UNIQUE INDEX lead_standing ON lead (mobile, type_id, released);
CREATE INDEX lead_to_try ON lead (next_try_at) WHERE state = 'scheduled';
CREATE INDEX lead_failed ON lead (id) WHERE state = 'failed';
CREATE INDEX lead_undecided ON lead (id) WHERE state = 'failed' AND released = 0;

CREATE TRIGGER lead_added AFTER INSERT ON lead BEGIN
  UPDATE lead_count SET count = count + 1 WHERE state = NEW.state;
END;

CREATE TRIGGER lead_moved AFTER UPDATE OF state ON lead WHEN OLD.state <> NEW.state BEGIN
  UPDATE lead_count SET count = count - 1 WHERE state = OLD.state;
  UPDATE lead_count SET count = count + 1 WHERE state = NEW.state;
END;

CREATE TRIGGER lead_removed AFTER DELETE ON lead BEGIN
  UPDATE lead_count SET count = count - 1 WHERE state = OLD.state;
END;

-- Submissions and cancellations: everything that partners sent, in the order in which the store received it.
CREATE TABLE submission_in_order (
  -- The rowid, under a name by which it can be copied: larger than that of every row that is stored already.
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  -- A cancellation is stored as a submission is, without a delay.
  kind TEXT NOT NULL DEFAULT 'add' CHECK (kind = 'add' OR kind = 'cancel'),
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  received_at INTEGER NOT NULL,
  type TEXT NOT NULL,
  mobile TEXT NOT NULL,
  delays INTEGER NOT NULL,
  content TEXT NOT NULL,
  outcome TEXT NOT NULL,
  -- The lead that it made or cancelled, or the one that prevented it.
  lead_id TEXT REFERENCES lead (id)
) STRICT;

INSERT INTO submission_in_order (sequence, id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
SELECT rowid, id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id
FROM submission ORDER BY rowid;

DROP TABLE submission;
ALTER TABLE submission_in_order RENAME TO submission;

-- What was sent for a person is found through the leads; these are the ones that met none.
CREATE INDEX submission_by_lead ON submission (lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX submission_without_lead ON submission (mobile) WHERE lead_id IS NULL;
